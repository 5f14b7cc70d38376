/* The loop: descriptors and timers run when they are due, and what was removed does not run. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"

static struct uwsgi_loop *loop;
static char trace[64]; /* what ran, a letter each */

static void open_loop(void)
{
	loop = loop_create();
	cr_assert_not_null(loop);
}

static void close_loop(void)
{
	loop_destroy(&loop);
	cr_assert_null(loop);
	loop_destroy(&loop);
}

TestSuite(loop, .init = open_loop, .fini = close_loop, .timeout = 20);

static void mark(const void *data)
{
	const char *letter = data;
	size_t n = strlen(trace);
	if (n + 1 < sizeof trace)
		trace[n] = *letter;
}

static void on_watch(struct uwsgi_watch *watch, unsigned events)
{
	(void)events;
	mark(watch->data);
}

static void on_timer(struct uwsgi_timer *timer)
{
	mark(timer->data);
}

static unsigned seen;

static void on_events(struct uwsgi_watch *watch, unsigned events)
{
	(void)watch;
	seen = events;
}

static void pair(int fds[2])
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

Test(loop, tells_what_a_descriptor_is_ready_for)
{
	int fds[2];
	pair(fds);
	struct uwsgi_watch w = { .fd = fds[0], .fn = on_events };
	cr_assert_eq(uwsgi_loop_add(loop, &w, UWSGI_READ), 0);
	cr_assert_eq(loop_turn(loop, 0), 0);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	cr_assert_eq(loop_turn(loop, 0), 1);
	cr_assert_eq(seen, UWSGI_READ);
	cr_assert_eq(uwsgi_loop_change(loop, &w, UWSGI_READ | UWSGI_WRITE), 0);
	loop_turn(loop, 0);
	cr_assert_eq(seen, UWSGI_READ | UWSGI_WRITE);
	close(fds[1]);
	loop_turn(loop, 0);
	cr_assert_eq(seen, UWSGI_READ | UWSGI_WRITE | UWSGI_HANGUP);
	uwsgi_loop_remove(loop, &w);
	cr_assert_eq(loop_turn(loop, 0), 0);
}

Test(loop, is_level_triggered)
{
	int fds[2];
	pair(fds);
	struct uwsgi_watch w = { fds[0], on_watch, "r" };
	uwsgi_loop_add(loop, &w, UWSGI_READ);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	cr_assert_str_eq(trace, "rr");
}

Test(loop, says_why_a_descriptor_cannot_be_watched)
{
	struct uwsgi_watch w = { .fd = -1, .fn = on_watch };
	int fds[2];
	cr_assert_eq(uwsgi_loop_add(loop, &w, UWSGI_READ), -EBADF);
	pair(fds);
	w.fd = fds[0];
	cr_assert_eq(uwsgi_loop_change(loop, &w, UWSGI_READ), -ENOENT);
	cr_assert_eq(uwsgi_loop_add(loop, &w, UWSGI_READ), 0);
	cr_assert_eq(uwsgi_loop_add(loop, &w, UWSGI_READ), -EEXIST);
}

static struct uwsgi_watch twins[2];

static void remove_the_other(struct uwsgi_watch *watch, unsigned events)
{
	struct uwsgi_watch *other = watch == &twins[0] ? &twins[1] : &twins[0];
	(void)events;
	mark("x");
	uwsgi_loop_remove(loop, other);
	close(other->fd);
}

Test(loop, drops_the_events_of_a_watch_removed_during_the_turn)
{
	int fds[2][2];
	for (int i = 0; i < 2; i++) {
		pair(fds[i]);
		cr_assert_eq(write(fds[i][1], "x", 1), 1);
		twins[i] = (struct uwsgi_watch){ .fd = fds[i][0], .fn = remove_the_other };
		uwsgi_loop_add(loop, &twins[i], UWSGI_READ);
	}
	loop_turn(loop, 0);
	cr_assert_str_eq(trace, "x");
}

Test(loop, has_no_wake_ups_without_timers)
{
	struct uwsgi_timer t = { .fn = on_timer, .data = "t" };
	cr_assert_eq(loop_timeout(loop), -1);
	uwsgi_loop_timer(loop, &t, 1000000);
	cr_assert_gt(loop_timeout(loop), 900000);
	uwsgi_loop_timer_stop(loop, &t);
	cr_assert_eq(loop_timeout(loop), -1);
	uwsgi_loop_timer_stop(loop, &t);
}

Test(loop, runs_timers_in_the_order_they_are_due)
{
	struct uwsgi_timer timers[] = {
		{ .fn = on_timer, .data = "d" }, { .fn = on_timer, .data = "b" }, { .fn = on_timer, .data = "a" },
		{ .fn = on_timer, .data = "e" }, { .fn = on_timer, .data = "c" }, { .fn = on_timer, .data = "x" },
	};
	static const uint64_t ms[] = { 4, 2, 0, 6, 3, 1 };
	for (int i = 0; i < 6; i++)
		cr_assert_eq(uwsgi_loop_timer(loop, &timers[i], ms[i]), 0);
	uwsgi_loop_timer_stop(loop, &timers[5]);
	while (loop_timeout(loop) != -1)
		loop_turn(loop, -1);
	cr_assert_str_eq(trace, "abcde");
}

Test(loop, keeps_the_order_of_many_timers_that_come_and_go)
{
	static struct uwsgi_timer timers[200];
	for (int i = 0; i < 200; i++) {
		timers[i].fn = on_timer;
		timers[i].data = "";
		uwsgi_loop_timer(loop, &timers[i], 1000 + (unsigned)(i * 7919) % 200);
	}
	for (int i = 0; i < 200; i += 3)
		uwsgi_loop_timer_stop(loop, &timers[i]);
	/* the next one due is always the smallest of those that are left */
	for (;;) {
		int first = -1;
		for (int i = 0; i < 200; i++)
			if (timers[i].slot && (first == -1 || timers[i].at_ms < timers[first].at_ms))
				first = i;
		if (first == -1)
			break;
		uint64_t now = uwsgi_now_ms();
		cr_assert_leq(loop_timeout(loop), (int)(timers[first].at_ms - now));
		cr_assert_geq(loop_timeout(loop) + 50, (int)(timers[first].at_ms - now));
		uwsgi_loop_timer_stop(loop, &timers[first]);
	}
	cr_assert_eq(loop_timeout(loop), -1);
}

Test(loop, moves_a_timer_that_is_armed_again)
{
	struct uwsgi_timer t = { .fn = on_timer, .data = "t" };
	uwsgi_loop_timer(loop, &t, 0);
	uwsgi_loop_timer(loop, &t, 100000);
	loop_turn(loop, 0);
	cr_assert_str_eq(trace, "");
	uwsgi_loop_timer(loop, &t, 0);
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	cr_assert_str_eq(trace, "t");
}

Test(loop, waits_for_ever_when_asked_to)
{
	struct uwsgi_timer t = { .fn = on_timer, .data = "t" };
	cr_assert_eq(uwsgi_loop_timer(loop, &t, UINT64_MAX), 0);
	cr_assert_eq(loop_timeout(loop), INT_MAX);
	loop_turn(loop, 0);
	cr_assert_str_eq(trace, "");
}

static void stop_self(struct uwsgi_timer *timer)
{
	mark(timer->data);
	uwsgi_loop_stop(loop);
}

Test(loop, runs_until_it_is_stopped)
{
	struct uwsgi_timer t = { .fn = stop_self, .data = "s" };
	uwsgi_loop_timer(loop, &t, 1);
	cr_assert_not(loop_stopped(loop));
	cr_assert_eq(uwsgi_loop_run(loop), 0);
	cr_assert(loop_stopped(loop));
	cr_assert_str_eq(trace, "s");
}

Test(loop, a_timer_that_is_due_does_not_run_once_it_is_stopped)
{
	struct uwsgi_timer first = { .fn = stop_self, .data = "s" }, second = { .fn = stop_self, .data = "t" };
	uwsgi_loop_timer(loop, &first, 0);
	uwsgi_loop_timer(loop, &second, 0);
	uwsgi_loop_run(loop);
	cr_assert_str_eq(trace, "s");
}

Test(loop, can_be_waited_for_by_another_loop)
{
	int fds[2];
	pair(fds);
	struct uwsgi_watch w = { fds[0], on_watch, "r" };
	struct pollfd p = { loop_fd(loop), POLLIN, 0 };
	uwsgi_loop_add(loop, &w, UWSGI_READ);
	cr_assert_eq(poll(&p, 1, 0), 0);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	cr_assert_eq(poll(&p, 1, 0), 1);
}
