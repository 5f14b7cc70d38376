/* What happens at any pace is told once a second, and how often it happened is told with it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "log_seldom.h"

static struct uwsgi_log_seldom full, empty;
static uint64_t kept_back;

Test(log_seldom, the_first_time_is_told)
{
	cr_assert(log_seldom_may(&full, 5000, &kept_back));
	cr_assert_eq(kept_back, 0);
}

Test(log_seldom, then_nothing_for_a_second_but_how_often)
{
	log_seldom_may(&full, 5000, &kept_back);
	for (uint64_t ms = 5000; ms < 6000; ms += 100)
		cr_assert_not(log_seldom_may(&full, ms, &kept_back));
	cr_assert(log_seldom_may(&full, 6000, &kept_back));
	cr_assert_eq(kept_back, 10);
	cr_assert(log_seldom_may(&full, 7000, &kept_back));
	cr_assert_eq(kept_back, 0);
}

Test(log_seldom, two_things_do_not_hide_each_other)
{
	cr_assert(log_seldom_may(&full, 5000, &kept_back));
	cr_assert(log_seldom_may(&empty, 5000, &kept_back));
}

Test(log_seldom, the_line_says_how_often)
{
	char line[2048] = "";
	int fds[2];
	cr_assert_eq(pipe2(fds, O_DIRECT | O_NONBLOCK), 0);
	cr_assert_neq(dup2(fds[1], STDERR_FILENO), -1);
	full.kept_back = 7;
	uwsgi_log_seldom(&full, "queue %d is full", 3);
	uwsgi_log_seldom(&full, "queue %d is full", 3);
	ssize_t n = read(fds[0], line, sizeof line - 1);
	cr_assert_str_eq(line, "queue 3 is full (and 7 times since this was last told)\n");
	n = read(fds[0], line, sizeof line - 1);
	cr_assert_eq(n, -1);
	uwsgi_log_seldom(&empty, "%5000d", 1);
	n = read(fds[0], line, sizeof line - 1);
	cr_assert_eq(n, 1024, "a long text is cut, and ends in a newline");
	cr_assert_eq(line[1023], '\n');
}
