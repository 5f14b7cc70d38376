/* Tasks become known when they are told, and when the directory is looked at. */
#include <errno.h>
#include <poll.h>

#include "spool_folder.h"
#include "spool_news.h"

static struct spool_queue *queue;
static struct spool_news news;

static void begin(void)
{
	folder_make();
	queue = spool_queue_create(true);
	cr_assert_eq(spool_news_open(&news, &dir, queue), 0);
}

static void end(void)
{
	spool_news_close(&news);
	spool_queue_destroy(&queue);
	folder_remove();
}

TestSuite(spool_news, .init = begin, .fini = end, .timeout = 20);

static bool told(void)
{
	return poll(&(struct pollfd){ .fd = news.fd, .events = POLLIN }, 1, 0) == 1;
}

static void expect_next(const char *path)
{
	struct spool_entry *entry = spool_queue_take(queue, 0);
	cr_assert_not_null(entry, "%s", path);
	cr_assert_str_eq(entry->path, path);
	spool_queue_forget(queue, entry);
}

Test(spool_news, a_look_finds_what_was_there_and_what_comes_is_told)
{
	write_task(A);
	cr_assert_eq(spool_news_look(&news), 0);
	expect_next(A);
	cr_assert(!told());
	write_task(SPOOL_STATE "/new_x");
	cr_assert(!told(), "what is written aside is nobody's yet");
	cr_assert_eq(renameat(dir.state, "new_x", dir.fd, B), 0);
	cr_assert(told());
	cr_assert(!spool_news_take(&news));
	expect_next(B);
	cr_assert_eq(spool_queue_size(queue), 0);
}

Test(spool_news, other_names_are_no_tasks)
{
	cr_assert_eq(spool_news_look(&news), 0);
	write_task("notes");
	cr_assert_eq(mkdirat(dir.fd, "sub", 0700), 0);
	cr_assert(!spool_news_take(&news));
	cr_assert_eq(spool_queue_size(queue), 0);
}

Test(spool_news, a_new_priority_is_a_reason_to_look_and_told_from_then_on)
{
	cr_assert_eq(spool_news_look(&news), 0);
	cr_assert_eq(mkdirat(dir.fd, "7", 0700), 0);
	write_task("7/" A);
	cr_assert(spool_news_take(&news));
	cr_assert_eq(spool_news_look(&news), 0);
	expect_next("7/" A);
	write_task("7/" B);
	cr_assert(!spool_news_take(&news));
	expect_next("7/" B);
}

Test(spool_news, a_directory_that_is_removed_is_an_error_until_it_is_there_again)
{
	char command[64];
	cr_assert_eq(spool_news_look(&news), 0);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
	cr_assert_eq(spool_news_look(&news), -ENOENT);
	cr_assert_eq(dir.fd, -1);
	cr_assert_eq(spool_dir_make(folder, (uid_t)-1, (gid_t)-1), 0);
	(void)spool_news_take(&news);
	cr_assert_eq(spool_news_look(&news), 0);
	write_task(A);
	cr_assert(!spool_news_take(&news));
	expect_next(A);
}

Test(spool_news, a_directory_that_goes_away_is_a_reason_to_look)
{
	char away[64];
	cr_assert_eq(spool_news_look(&news), 0);
	snprintf(away, sizeof away, "%s_away", folder);
	cr_assert_eq(rename(folder, away), 0);
	bool looks = false;
	while (told())
		looks |= spool_news_take(&news);
	cr_assert(looks);
	cr_assert_eq(spool_news_look(&news), -ENOENT);
	cr_assert_eq(rename(away, folder), 0);
	cr_assert_eq(spool_news_look(&news), 0);
	write_task(A);
	cr_assert(!spool_news_take(&news));
	expect_next(A);
}

Test(spool_news, of_any_number_of_priorities_tasks_are_told)
{
	char path[64];
	for (int i = 0; i < 200; i++) {
		snprintf(path, sizeof path, "%d", i);
		cr_assert_eq(mkdirat(dir.fd, path, 0700), 0);
	}
	cr_assert_eq(spool_news_look(&news), 0);
	for (int i = 0; i < 200; i++) {
		snprintf(path, sizeof path, "%d/" A, i);
		write_task(path);
		cr_assert(!spool_news_take(&news));
		expect_next(path);
	}
}
