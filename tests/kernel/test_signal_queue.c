/* The queue of a process's signals: order, bounds, many hands, and hands that are cut off. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signal_queue.h"

static struct signal_queue *queue(void)
{
	struct signal_queue *q = mmap(NULL, sizeof *q, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	signal_queue_init(q);
	return q;
}

Test(signal_queue, gives_what_was_put_in_order)
{
	struct signal_queue *q = queue();
	cr_assert(signal_queue_is_empty(q));
	cr_assert_eq(signal_queue_take(q), -1);
	for (int turn = 0; turn < 5000; turn++) {
		cr_assert(signal_queue_put(q, (uint8_t)turn));
		cr_assert(signal_queue_put(q, 255));
		cr_assert_not(signal_queue_is_empty(q));
		cr_assert_eq(signal_queue_take(q), turn & 0xff);
		cr_assert_eq(signal_queue_take(q), 255);
	}
	cr_assert(signal_queue_is_empty(q));
}

Test(signal_queue, is_full_at_its_size_and_not_before)
{
	struct signal_queue *q = queue();
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < SIGNAL_QUEUE_SIZE; i++)
			cr_assert(signal_queue_put(q, (uint8_t)i));
		cr_assert_not(signal_queue_put(q, 0));
		for (unsigned i = 0; i < SIGNAL_QUEUE_SIZE; i++)
			cr_assert_eq(signal_queue_take(q), (int)(i & 0xff));
		cr_assert_eq(signal_queue_take(q), -1);
	}
}

enum { HANDS = 4, EACH = 20000 };

struct many {
	struct signal_queue *q;
	_Atomic long put[256], taken[256];
	_Atomic int writers;
};

static void *write_many(void *arg)
{
	struct many *m = arg;
	for (int i = 0; i < EACH; i++)
		if (signal_queue_put(m->q, (uint8_t)i))
			m->put[i & 0xff]++;
	m->writers--;
	return NULL;
}

static void *read_many(void *arg)
{
	struct many *m = arg;
	for (;;) {
		bool last = m->writers == 0;
		int number = signal_queue_take(m->q);
		if (number >= 0)
			m->taken[number]++;
		else if (last)
			return NULL;
	}
}

Test(signal_queue, loses_and_doubles_nothing_among_many)
{
	struct many *m = calloc(1, sizeof *m);
	pthread_t threads[2 * HANDS];
	m->q = queue();
	m->writers = HANDS;
	for (int i = 0; i < HANDS; i++) {
		pthread_create(&threads[i], NULL, write_many, m);
		pthread_create(&threads[HANDS + i], NULL, read_many, m);
	}
	for (int i = 0; i < 2 * HANDS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 256; i++)
		cr_assert_eq(m->put[i], m->taken[i], "number %d: %ld put, %ld taken", i, m->put[i], m->taken[i]);
}

Test(signal_queue, goes_on_when_those_who_use_it_are_killed)
{
	struct signal_queue *q = queue();
	for (int round = 0; round < 60; round++) {
		pid_t pid = fork();
		if (pid == 0)
			for (;;) {
				signal_queue_put(q, 1);
				signal_queue_take(q);
			}
		usleep(200 + (useconds_t)(round * 37 % 500)); /* somewhere in the middle */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		int left = 0;
		while (signal_queue_take(q) >= 0)
			left++;
		cr_assert_leq(left, 1);
		cr_assert(signal_queue_put(q, 7));
		cr_assert_eq(signal_queue_take(q), 7);
	}
}

Test(signal_queue, knows_how_many_numbers_wait)
{
	static struct signal_queue q;
	signal_queue_init(&q);
	cr_expect_eq(signal_queue_length(&q), 0);
	for (unsigned i = 1; i <= SIGNAL_QUEUE_SIZE; i++) {
		signal_queue_put(&q, 1);
		cr_expect_eq(signal_queue_length(&q), i);
	}
	cr_assert_not(signal_queue_put(&q, 1));
	signal_queue_take(&q);
	cr_expect_eq(signal_queue_length(&q), SIGNAL_QUEUE_SIZE - 1);
}
