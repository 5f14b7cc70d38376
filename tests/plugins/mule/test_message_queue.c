/* Messages between processes: whole, in order, bounded, and safe from whoever is killed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message_queue.h"

static bool is_awake(struct message_queue *q)
{
	struct pollfd p = { .fd = message_queue_fd(q), .events = POLLIN };
	return poll(&p, 1, 0) == 1;
}

static bool is_empty(struct message_queue *q)
{
	struct message message;
	return !message_queue_take(q, &message);
}

static void expect(struct message_queue *q, const char *text)
{
	struct message message;
	cr_assert(message_queue_take(q, &message), "%s", text);
	cr_assert_eq(message.len, strlen(text));
	cr_assert_str_eq(message.text, text);
	message_queue_done(q, &message);
}

Test(message_queue, gives_messages_whole_and_in_order)
{
	struct message_queue *q = message_queue_open("test", 4096);
	cr_assert(is_empty(q));
	cr_assert_eq(message_queue_put(q, "one", 3), 0);
	cr_assert_eq(message_queue_put(q, "", 0), 0);
	cr_assert_eq(message_queue_put(q, "three", 5), 0);
	cr_assert(is_awake(q));
	expect(q, "one");
	cr_assert(is_awake(q), "more is left");
	expect(q, "");
	expect(q, "three");
	cr_assert_not(is_awake(q));
	cr_assert(is_empty(q));
}

Test(message_queue, goes_around_its_end)
{
	struct message_queue *q = message_queue_open("test", 128);
	char text[64];
	message_queue_put(q, "stays", 5); /* never empty, so that it never begins anew */
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "message %d %.*s", i, i % 20, "....................");
		cr_assert_eq(message_queue_put(q, text, strlen(text)), 0, "%d", i);
		struct message before;
		cr_assert(message_queue_take(q, &before));
		cr_assert(i == 0 ? !strcmp(before.text, "stays")
				 : !strncmp(before.text, "message ", 8) && atoi(before.text + 8) == i - 1);
		message_queue_done(q, &before);
	}
}

Test(message_queue, refuses_what_does_not_fit_and_loses_nothing_by_it)
{
	struct message_queue *q = message_queue_open("test", 128);
	struct message_queue_info info;
	char large[256] = { 0 };
	cr_assert_eq(message_queue_put(q, large, sizeof large), -EAGAIN);
	cr_assert_eq(message_queue_put(q, large, (size_t)-1), -EAGAIN);
	cr_assert_eq(message_queue_put(q, "first", 5), 0);
	cr_assert_eq(message_queue_put(q, large, 81), -EAGAIN);
	cr_assert_eq(message_queue_put(q, large, 80), 0, "the last byte is used");
	cr_assert_eq(message_queue_put(q, "", 0), -EAGAIN);
	expect(q, "first");
	message_queue_get(q, &info);
	cr_assert(info.put == 2 && info.taken == 1 && info.refused == 4 && info.bytes == 96);
}

Test(message_queue, goes_on_when_those_who_use_it_are_killed)
{
	struct message_queue *q = message_queue_open("test", 4096);
	char text[300];
	memset(text, 'x', sizeof text);
	for (int round = 0; round < 40; round++) {
		pid_t pid = fork();
		if (pid == 0)
			for (size_t len = 0;; len = (len + 7) % sizeof text) {
				struct message got;
				message_queue_put(q, text, len);
				if (message_queue_take(q, &got))
					message_queue_done(q, &got);
			}
		usleep(300 + (useconds_t)(round * 53 % 700)); /* somewhere in the middle */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		message_queue_recover(q);
		for (struct message left; message_queue_take(q, &left); message_queue_done(q, &left))
			cr_assert(left.len < sizeof text && strspn(left.text, "x") == left.len, "whole");
		cr_assert_eq(message_queue_put(q, "alive", 5), 0);
		expect(q, "alive");
	}
}

/* ---- killed at any instruction ---- */

#define ROOM 4096
#define STATES 64

/* What lies in shared memory between any two instructions of a child that runs `work`.  How many states. */
static int watch_states(struct message_queue *q, void (*work)(struct message_queue *q), char states[STATES][ROOM])
{
	const void *ring = *(const void *const *)q; /* its first field */
	int status, count = 0;
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		work(q);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		if (!count || memcmp(states[count - 1], ring, ROOM)) {
			cr_assert_lt(count, STATES);
			memcpy(states[count++], ring, ROOM);
		}
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == -1)
			kill(pid, SIGKILL);
	}
	return count;
}

static void put_second(struct message_queue *q)
{
	message_queue_put(q, "second", 6);
}

Test(message_queue, gives_nothing_twice_whenever_a_writer_is_killed)
{
	static char states[STATES][ROOM];
	struct message_queue *q = message_queue_open("test", ROOM);
	message_queue_put(q, "first", 5);
	expect(q, "first");
	int count = watch_states(q, put_second, states);
	if (count < 2)
		cr_skip_test("nobody may be traced here");
	for (int i = 0; i < count; i++) {
		struct message message;
		memcpy(*(void **)q, states[i], ROOM);
		bool there = message_queue_take(q, &message);
		cr_assert(!there || !strcmp(message.text, "second"), "state %d of %d: \"%s\"", i, count, message.text);
		cr_assert(there || i < count - 1);
		if (there)
			message_queue_done(q, &message);
		cr_assert_eq(message_queue_put(q, "third", 5), 0);
		expect(q, "third");
	}
}

/* A child that takes so many messages and dies with them in hand. */
static void die_with(struct message_queue *q, int messages)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct message m;
		while (messages-- > 0)
			if (!message_queue_take(q, &m))
				_exit(1);
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	cr_assert_eq(status, 0);
}

Test(message_queue, gives_the_oldest_first_after_a_death)
{
	struct message_queue *q = message_queue_open("test", 4096);
	message_queue_put(q, "one", 3);
	message_queue_put(q, "two", 3);
	message_queue_put(q, "three", 5);
	die_with(q, 2);
	expect(q, "three");
	cr_assert(is_empty(q));
	cr_assert_eq(message_queue_recover(q), 0);
	cr_assert(is_awake(q));
	expect(q, "one");
	expect(q, "two");
	cr_assert(is_empty(q));
}

Test(message_queue, drops_what_two_had_in_hand_who_died)
{
	struct message_queue *q = message_queue_open("test", 4096);
	message_queue_put(q, "poison", 6);
	message_queue_put(q, "next", 4);
	die_with(q, 1);
	cr_assert_eq(message_queue_recover(q), 0);
	die_with(q, 1);
	cr_assert_eq(message_queue_recover(q), 1);
	expect(q, "next");
	struct message_queue_info info;
	message_queue_get(q, &info);
	cr_assert_eq(info.bytes, 0);
}

Test(message_queue, leaves_what_a_living_one_has_in_hand)
{
	struct message_queue *q = message_queue_open("test", 4096);
	struct message mine;
	message_queue_put(q, "mine", 4);
	cr_assert(message_queue_take(q, &mine));
	cr_assert_eq(message_queue_recover(q), 0);
	cr_assert(is_empty(q));
	message_queue_put(q, "next", 4);
	expect(q, "next");
	struct message_queue_info info;
	message_queue_get(q, &info);
	cr_assert_gt(info.bytes, 0, "the place of what is in hand is not free");
	message_queue_done(q, &mine);
	message_queue_get(q, &info);
	cr_assert_eq(info.bytes, 0);
}

#ifndef __SANITIZE_ADDRESS__ /* its memory has no limit */
Test(message_queue, leaves_what_there_is_no_memory_for_and_wakes_nobody)
{
	static char large[16 << 20];
	struct message_queue *q = message_queue_open("test", sizeof large + 4096);
	struct message message;
	struct rlimit before, low;
	message_queue_put(q, large, sizeof large);
	getrlimit(RLIMIT_AS, &before);
	low = (struct rlimit){ 1 << 20, before.rlim_max };
	setrlimit(RLIMIT_AS, &low);
	int taken = message_queue_take(q, &message);
	setrlimit(RLIMIT_AS, &before);
	cr_assert_eq(taken, -ENOMEM);
	cr_assert_not(is_awake(q));
	cr_assert_eq(message_queue_take(q, &message), 1);
	cr_assert_eq(message.len, sizeof large);
}
#endif

static void take_and_be_done(struct message_queue *q)
{
	struct message m;
	if (message_queue_take(q, &m))
		message_queue_done(q, &m);
}

Test(message_queue, loses_nothing_whenever_a_reader_is_killed)
{
	static char states[STATES][ROOM];
	struct message_queue *q = message_queue_open("test", ROOM);
	message_queue_put(q, "first", 5);
	message_queue_put(q, "second", 6);
	int count = watch_states(q, take_and_be_done, states);
	if (count < 2)
		cr_skip_test("nobody may be traced here");
	for (int i = 0; i < count; i++) {
		struct message m;
		memcpy(*(void **)q, states[i], ROOM);
		cr_assert_eq(message_queue_recover(q), 0, "state %d of %d", i, count);
		cr_assert(message_queue_take(q, &m));
		bool first = !strcmp(m.text, "first");
		message_queue_done(q, &m);
		if (first)
			expect(q, "second");
		cr_assert(is_empty(q), "state %d of %d", i, count);
		cr_assert_eq(message_queue_put(q, "third", 5), 0);
		expect(q, "third");
	}
}
