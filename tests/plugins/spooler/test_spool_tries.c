/* How often a task failed is known as long as the task. */
#include "spool_folder.h"
#include "spool_tries.h"

TestSuite(spool_tries, .init = folder_make, .fini = folder_remove, .timeout = 20);

Test(spool_tries, a_count_is_read_as_written_whatever_directory_its_task_is_in)
{
	cr_assert_eq(spool_tries_read(&dir, A), 0);
	cr_assert_eq(spool_tries_write(&dir, "7/" A, 12), 0);
	cr_assert_eq(spool_tries_read(&dir, "dead/" A), 12);
	cr_assert_eq(spool_tries_write(&dir, A, 3), 0);
	cr_assert_eq(spool_tries_read(&dir, A), 3);
	spool_tries_forget(&dir, A);
	cr_assert_eq(spool_tries_read(&dir, A), 0);
}

Test(spool_tries, a_sweep_removes_those_without_a_task)
{
	write_task(A);
	cr_assert_eq(spool_tries_write(&dir, A, 1), 0);
	cr_assert_eq(spool_tries_write(&dir, B, 2), 0);
	spool_tries_sweep(&dir, 0);
	cr_assert_eq(spool_tries_read(&dir, A), 1);
	cr_assert_eq(spool_tries_read(&dir, B), 0);
}

Test(spool_tries, a_sweep_removes_what_was_begun_long_ago_and_never_written)
{
	write_task(A);
	write_file(SPOOL_STATE "/" SPOOL_TRIES A, "", 0);
	spool_tries_sweep(&dir, 0);
	cr_assert(is_there(SPOOL_STATE "/" SPOOL_TRIES A));
	spool_tries_sweep(&dir, INT64_MAX);
	cr_assert_not(is_there(SPOOL_STATE "/" SPOOL_TRIES A));
}

Test(spool_tries, a_task_of_the_longest_name_has_a_count)
{
	char name[256] = SPOOL_PREFIX;
	memset(name + strlen(name), 'n', 255 - strlen(name));
	write_task(name);
	cr_assert_eq(spool_tries_write(&dir, name, 2), 0);
	spool_tries_sweep(&dir, 0);
	cr_assert_eq(spool_tries_read(&dir, name), 2);
	spool_tries_forget(&dir, name);
	cr_assert_eq(spool_tries_read(&dir, name), 0);
}
