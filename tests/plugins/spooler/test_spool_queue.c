#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "spool_queue.h"

#define T "uwsgi_spoolfile_on_"

static struct spool_queue *queue_of(bool ordered, const char *const *paths)
{
	struct spool_queue *queue = spool_queue_create(ordered);
	for (; *paths; paths++)
		cr_assert_eq(spool_queue_add(queue, *paths), 1);
	return queue;
}

static void expect_next(struct spool_queue *queue, const char *path)
{
	struct spool_entry *entry = spool_queue_take(queue, 0);
	cr_assert_not_null(entry);
	cr_expect_str_eq(entry->path, path);
	spool_queue_forget(queue, entry);
}

Test(spool_queue, priorities_come_first_the_lowest_before_the_others)
{
	static const char *const paths[] = { T "a", "10/" T "b", "9/" T "c", T "d", "9/" T "e", "0/" T "f", NULL };
	static const char *const order[] = { "0/" T "f", "9/" T "c", "9/" T "e", "10/" T "b", T "a", T "d", NULL };
	struct spool_queue *queue = queue_of(false, paths);
	for (size_t i = 0; order[i]; i++)
		expect_next(queue, order[i]);
	cr_assert_null(spool_queue_take(queue, 0));
	cr_assert_eq(spool_queue_size(queue), 0);
	spool_queue_destroy(&queue);
}

Test(spool_queue, an_ordered_one_goes_by_name_as_numbers)
{
	static const char *const paths[] = { T "x_10", T "x_9", "1/" T "z_2", "1/" T "z_1", T "x_100", NULL };
	static const char *const order[] = { "1/" T "z_1", "1/" T "z_2", T "x_9", T "x_10", T "x_100", NULL };
	struct spool_queue *queue = queue_of(true, paths);
	for (size_t i = 0; order[i]; i++)
		expect_next(queue, order[i]);
	spool_queue_destroy(&queue);
}

Test(spool_queue, knows_a_task_once_until_it_is_forgotten)
{
	static const char *const paths[] = { T "a", NULL };
	struct spool_queue *queue = queue_of(false, paths);
	cr_assert_eq(spool_queue_add(queue, T "a"), 0);
	struct spool_entry *entry = spool_queue_take(queue, 0);
	cr_assert_eq(spool_queue_add(queue, T "a"), 0, "while it runs");
	spool_queue_wait(queue, entry, 100);
	cr_assert_eq(spool_queue_add(queue, T "a"), 0, "while it waits");
	spool_queue_forget(queue, spool_queue_take(queue, 100));
	cr_assert_eq(spool_queue_add(queue, T "a"), 1);
	spool_queue_destroy(&queue);
}

Test(spool_queue, gives_what_waits_when_it_is_due)
{
	static const char *const paths[] = { T "a", T "b", NULL };
	struct spool_queue *queue = queue_of(false, paths);
	struct spool_entry *a = spool_queue_take(queue, 0), *b = spool_queue_take(queue, 0);
	cr_assert_eq(spool_queue_next(queue), SPOOL_NEVER);
	spool_queue_wait(queue, a, 200);
	spool_queue_wait(queue, b, 100);
	cr_assert_eq(spool_queue_next(queue), 100);
	cr_assert_null(spool_queue_take(queue, 99));
	cr_assert_eq(spool_queue_take(queue, 100), b);
	cr_assert_null(spool_queue_take(queue, 199));
	cr_assert_eq(spool_queue_next(queue), 200);
	cr_assert_eq(spool_queue_take(queue, 1000), a);
	spool_queue_destroy(&queue);
}

Test(spool_queue, keeps_order_among_thousands)
{
	struct spool_queue *queue = spool_queue_create(true);
	char path[64], last[64] = "";
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(path, sizeof path, T "%05u", i * 7919 % 5000);
		cr_assert_eq(spool_queue_add(queue, path), 1);
	}
	for (unsigned i = 0; i < 5000; i++) {
		struct spool_entry *entry = spool_queue_take(queue, 0);
		cr_assert(strcmp(entry->path, last) > 0);
		strcpy(last, entry->path);
		spool_queue_forget(queue, entry);
	}
	cr_assert_eq(spool_queue_size(queue), 0);
	spool_queue_destroy(&queue);
	cr_assert_null(queue);
}
