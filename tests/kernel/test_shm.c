/* Shared memory: zeroed, and the same for a process and what it forks. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/shm.h>

Test(shm, is_zeroed)
{
	const char *p = uwsgi_shm_alloc(100000);
	static const char zero[100000];
	cr_assert_not_null(p);
	cr_assert(!memcmp(p, zero, sizeof zero));
}

Test(shm, is_shared_with_children_both_ways)
{
	int *p = uwsgi_shm_alloc(2 * sizeof *p);
	p[0] = 41;
	pid_t pid = fork();
	if (pid == 0) {
		p[1] = p[0] + 1;
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_assert_eq(p[1], 42);
}

Test(shm, gives_something_for_nothing_and_nothing_for_too_much)
{
	cr_assert_not_null(uwsgi_shm_alloc(0));
	cr_assert_null(uwsgi_shm_alloc(SIZE_MAX / 2));
}
