/* A touched file is told once, however it is touched; inotify and real files, no server. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"
#include "watch_file.h"

static char root[64];
static struct uwsgi_loop *loop;
static struct watch_files *files;
static int told;

static void set_up(void)
{
	strcpy(root, "/tmp/watch_file.XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	cr_assert_eq(chdir(root), 0);
	loop = loop_create();
	files = watch_files_create(loop);
	cr_assert_not_null(files);
}

static void tear_down(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(watch_file, .init = set_up, .fini = tear_down);

static void on_touch(const char *path, void *data)
{
	(void)path;
	told += *(int *)data;
}

static int one = 1;

/* What was told of what happened until now. */
static int news(void)
{
	told = 0;
	while (loop_turn(loop, 20))
		;
	return told;
}

static void set_time(const char *path, time_t at)
{
	struct timespec times[2] = { { .tv_sec = at }, { .tv_sec = at } };
	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void make(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	cr_assert_neq(fd, -1);
	close(fd);
	set_time(path, 1000);
}

Test(watch_file, tells_a_touch)
{
	make("reload");
	cr_assert_eq(watch_file(files, "reload", on_touch, &one), 0);
	cr_assert_eq(news(), 0);
	set_time("reload", 2000);
	cr_assert_eq(news(), 1);
	set_time("reload", 1500);
	cr_assert_eq(news(), 1, "an older time is another time");
	cr_assert_eq(chmod("reload", 0644), 0);
	cr_assert_eq(news(), 0, "its mode is not its content");
}

Test(watch_file, tells_a_file_that_is_created_and_not_its_end)
{
	cr_assert_eq(watch_file(files, "reload", on_touch, &one), 0);
	make("reload");
	cr_assert_gt(news(), 0);
	cr_assert_eq(unlink("reload"), 0);
	cr_assert_eq(news(), 0);
	make("reload");
	cr_assert_gt(news(), 0);
}

Test(watch_file, tells_a_file_that_is_replaced)
{
	make("reload");
	make("other");
	cr_assert_eq(watch_file(files, "reload", on_touch, &one), 0);
	cr_assert_eq(rename("other", "reload"), 0);
	cr_assert_eq(news(), 1);
}

Test(watch_file, follows_a_link_that_is_pointed_elsewhere)
{
	char path[128];
	cr_assert_eq(mkdir("one", 0700) + mkdir("two", 0700), 0);
	make("one/reload");
	make("two/reload");
	cr_assert_eq(symlink("one", "current"), 0);
	snprintf(path, sizeof path, "%s/current/reload", root);
	cr_assert_eq(watch_file(files, path, on_touch, &one), 0);
	cr_assert_eq(symlink("two", "next"), 0);
	cr_assert_eq(rename("next", "current"), 0);
	cr_assert_eq(news(), 1, "another file has its name");
	set_time("two/reload", 2000);
	cr_assert_eq(news(), 1, "and is watched");
}

Test(watch_file, waits_for_a_directory_that_is_missing)
{
	cr_assert_eq(watch_file(files, "deep/er/reload", on_touch, &one), 0);
	cr_assert_eq(mkdir("deep", 0700), 0);
	news();
	cr_assert_eq(mkdir("deep/er", 0700), 0);
	news();
	make("deep/er/reload");
	cr_assert_gt(news(), 0);
}

Test(watch_file, tells_each_file_by_itself)
{
	int ten = 10;
	make("a");
	make("b");
	watch_file(files, "a", on_touch, &one);
	watch_file(files, "b", on_touch, &ten);
	set_time("b", 2000);
	cr_assert_eq(news(), 10);
	set_time("a", 2000);
	cr_assert_eq(news(), 1);
}

Test(watch_file, tells_every_change_in_a_directory)
{
	cr_assert_eq(mkdir("dir", 0700), 0);
	cr_assert_eq(watch_file(files, "dir", on_touch, &one), 0);
	make("dir/new");
	cr_assert_gt(news(), 0);
	set_time("dir/new", 2000);
	cr_assert_gt(news(), 0);
	cr_assert_eq(unlink("dir/new"), 0);
	cr_assert_gt(news(), 0);
	make("beside");
	cr_assert_eq(news(), 0);
}

Test(watch_file, tells_nothing_of_a_file_that_is_forgotten)
{
	static int ten = 10;
	make("a");
	make("b");
	cr_assert_eq(watch_file(files, "a", on_touch, &one), 0);
	cr_assert_eq(watch_file(files, "b", on_touch, &ten), 0);
	watch_file_no_more(files, &one);
	set_time("a", 2000);
	set_time("b", 2000);
	cr_assert_eq(news(), 10);
}

Test(watch_file, tells_nothing_after_its_end)
{
	make("reload");
	watch_file(files, "reload", on_touch, &one);
	watch_files_destroy(&files);
	cr_assert_null(files);
	set_time("reload", 2000);
	cr_assert_eq(news(), 0);
}
