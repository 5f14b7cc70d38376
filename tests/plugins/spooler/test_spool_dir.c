/* What is in a spooler's directory, and the ways in and out of the dead. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <sys/time.h>

#include "spool_folder.h"

TestSuite(spool_dir, .init = folder_make, .fini = folder_remove, .timeout = 20);

static char seen[1024];

static void note(const char *path, void *data)
{
	(void)data;
	snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ", path);
}

Test(spool_dir, a_scan_finds_tasks_and_those_of_priorities_and_nothing_else)
{
	const struct spool_scan scan = { note, NULL, NULL };
	static const char *const folders[] = { "7", "dead", "sub", "1234567890" };
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		cr_assert_eq(mkdirat(dir.fd, folders[i], 0700), 0);
	write_task("dead/" A);
	write_task("sub/" A);
	write_task("1234567890/" A);
	write_task(".state/" A);
	write_task("notes");
	write_task("7/" B);
	cr_assert_eq(spool_dir_scan(&dir, &scan), 0);
	cr_assert_str_eq(seen, "7/" B " ");
	*seen = 0;
	cr_assert_eq(spool_dir_each_dead(&dir, note, NULL), 0);
	cr_assert_str_eq(seen, A " ");
}

/* readdir() fails after so many names; -1: it does not. */
static int names_left = -1;
struct dirent *readdir(DIR *stream)
{
	static struct dirent *(*next)(DIR *);
	if (!next)
		next = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");
	errno = names_left ? errno : EIO;
	return names_left && names_left-- ? next(stream) : NULL;
}

Test(spool_dir, a_scan_that_breaks_off_has_failed)
{
	const struct spool_scan scan = { note, NULL, NULL };
	write_task(A);
	write_task(B);
	names_left = 3;
	cr_assert_eq(spool_dir_scan(&dir, &scan), -EIO);
	names_left = -1;
	cr_assert_eq(spool_dir_scan(&dir, &scan), 0);
}

Test(spool_dir, what_root_makes_belongs_to_the_owner_of_the_directory)
{
	static const char *const made[] = { SPOOL_STATE, SPOOL_DEAD, "7" };
	struct stat st;
	if (geteuid() != 0)
		cr_skip_test("needs root");
	cr_assert_eq(fchown(dir.fd, 12345, 54321), 0);
	cr_assert_eq(unlinkat(dir.fd, SPOOL_STATE, AT_REMOVEDIR), 0);
	spool_dir_close(&dir);
	cr_assert_eq(spool_dir_open(&dir, folder), 0);
	write_task(A);
	cr_assert_eq(spool_dir_bury(&dir, A), 0);
	cr_assert_eq(spool_dir_raise(&dir, A, "7/"), 0);
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		cr_assert_eq(fstatat(dir.fd, made[i], &st, 0), 0, "%s", made[i]);
		cr_assert(st.st_uid == 12345 && st.st_gid == 54321, "%s", made[i]);
	}
}

Test(spool_dir, a_task_that_is_buried_can_be_raised_to_its_priority)
{
	struct stat st;
	cr_assert_eq(mkdirat(dir.fd, "3", 0700), 0);
	write_task("3/" A);
	cr_assert_eq(spool_dir_bury(&dir, "3/" A), 0);
	cr_assert(is_there(SPOOL_DEAD "/" A) && !is_there("3/" A));
	cr_assert_eq(unlinkat(dir.fd, "3", AT_REMOVEDIR), 0);
	struct timespec then[2] = { { .tv_sec = 2000000000 }, { .tv_sec = 2000000000 } };
	cr_assert_eq(utimensat(dir.fd, SPOOL_DEAD "/" A, then, 0), 0);
	cr_assert_eq(spool_dir_raise(&dir, A, "3/"), 0);
	cr_assert_eq(fstatat(dir.fd, "3/" A, &st, 0), 0);
	cr_assert_lt(st.st_mtim.tv_sec, 2000000000, "it is due now");
	cr_assert_eq(spool_dir_raise(&dir, A, ""), -ENOENT);
}

Test(spool_dir, what_was_left_aside_before_is_swept)
{
	struct stat st;
	write_task(SPOOL_STATE "/new_x");
	write_task(SPOOL_STATE "/tries_x");
	cr_assert_eq(fstatat(dir.state, "new_x", &st, 0), 0);
	spool_dir_sweep(&dir, st.st_ctim.tv_sec);
	cr_assert(is_there(SPOOL_STATE "/new_x"));
	spool_dir_sweep(&dir, st.st_ctim.tv_sec + 1);
	cr_assert(!is_there(SPOOL_STATE "/new_x") && is_there(SPOOL_STATE "/tries_x"));
}

Test(spool_dir, a_lock_belongs_to_the_open_file)
{
	write_task(A);
	int one = openat(dir.fd, A, O_RDWR | O_CLOEXEC), other = openat(dir.fd, A, O_RDWR | O_CLOEXEC);
	cr_assert_eq(spool_lock(one), 0);
	cr_assert_eq(spool_lock(other), -EAGAIN);
	cr_assert(spool_locked(other));
	close(openat(dir.fd, A, O_RDWR | O_CLOEXEC)); /* which would end a lock of the process */
	cr_assert_eq(spool_lock(other), -EAGAIN);
	close(one);
	cr_assert_eq(spool_lock(other), 0);
	close(other);
}
