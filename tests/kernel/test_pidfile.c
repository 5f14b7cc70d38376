/* Pidfiles are whole, and nobody else's is removed. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pidfile.h"
#include "settings.h"

static char root[64];

static void set_up(void)
{
	strcpy(root, "/tmp/pidfile.XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	cr_assert_eq(chdir(root), 0);
	cr_redirect_stderr();
}

static void tear_down(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(pidfile, .init = set_up, .fini = tear_down);

static int number_in(const char *path)
{
	int pid = -1;
	FILE *file = fopen(path, "r");
	if (file && fscanf(file, "%d\n", &pid) != 1)
		pid = -1;
	if (file)
		fclose(file);
	return pid;
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
}

Test(pidfile, has_our_number)
{
	put("pid", "123456789\n");
	cr_assert_eq(pidfile_write("pid"), 0);
	cr_assert_eq(number_in("pid"), getpid());
}

Test(pidfile, has_the_number_of_who_the_server_is_known_as)
{
	pidfile_speak_for(4711);
	cr_assert_eq(pidfile_write("pid"), 0);
	cr_expect_eq(number_in("pid"), 4711);
	pidfile_vacuum(&(struct settings){ .pidfile = "pid" });
	cr_expect_eq(access("pid", F_OK), -1);
}

Test(pidfile, is_for_everybody_to_read)
{
	struct stat st;
	umask(077);
	cr_assert_eq(pidfile_write("pid"), 0);
	cr_assert_eq(stat("pid", &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0644);
}

Test(pidfile, of_a_directory_that_is_missing_is_an_error)
{
	cr_assert_lt(pidfile_write("nowhere/pid"), 0);
	cr_assert_eq(access("nowhere", F_OK), -1);
}

Test(pidfile, the_safe_ones_are_written_later)
{
	struct settings s = { .pidfile = "a", .safe_pidfile = "b", .safe_pidfile2 = "c" };
	pidfile_write_safe(&s);
	cr_assert_eq(number_in("a"), -1);
	cr_assert_eq(number_in("b"), getpid());
	cr_assert_eq(number_in("c"), getpid());
	pidfile_write_all(&s);
	cr_assert_eq(number_in("a"), getpid());
}

Test(pidfile, is_removed_while_it_is_ours)
{
	struct settings s = { .pidfile = "ours", .pidfile2 = "theirs", .safe_pidfile = "gone" };
	pidfile_write_all(&s);
	put("theirs", "1\n");
	unlink("gone");
	pidfile_vacuum(&s);
	cr_assert_eq(access("ours", F_OK), -1);
	cr_assert_eq(access("theirs", F_OK), 0);
}
