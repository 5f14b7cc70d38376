/* The cause of a failed start: the first one of any process wins, and is one line. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/shm.h>

#include "cause.h"

static void set_up(void)
{
	cause_init(uwsgi_shm_alloc(CAUSE_SIZE));
}

TestSuite(cause, .init = set_up);

Test(cause, there_is_none_at_first)
{
	cr_assert_null(cause_get());
}

Test(cause, the_first_is_kept_and_what_follows_from_it_is_only_logged)
{
	cr_redirect_stderr();
	uwsgi_cause("cannot open %s", "x");
	uwsgi_cause("plugin y failed");
	cr_assert_str_eq(cause_get(), "cannot open x");
	fflush(stderr);
	cr_assert_stderr_eq_str("uwsgi: plugin y failed\n");
}

Test(cause, is_known_to_every_process)
{
	pid_t pid = fork();
	if (pid == 0) {
		uwsgi_cause("the child knows");
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_assert_str_eq(cause_get(), "the child knows");
}

Test(cause, is_cut_to_its_first_line)
{
	uwsgi_cause("one\ntwo\n");
	cr_assert_str_eq(cause_get(), "one");
}

Test(cause, may_be_as_long_as_it_likes)
{
	uwsgi_cause("%05000d", 1);
	cr_assert_eq(strlen(cause_get()), 1023);
}

Test(cause, is_forgotten_when_another_attempt_begins)
{
	uwsgi_cause("one");
	cause_clear();
	cr_assert_null(cause_get());
	uwsgi_cause("two");
	cr_assert_str_eq(cause_get(), "two");
}

Test(early_cause, is_logged_where_it_is_found)
{
	cr_redirect_stderr();
	uwsgi_cause("too early");
	cr_assert_null(cause_get());
	fflush(stderr);
	cr_assert_stderr_eq_str("uwsgi: too early\n");
}
