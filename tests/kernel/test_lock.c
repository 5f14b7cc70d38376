/* Locks between processes: one holder at a time, and no deadlock when the holder dies. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/shm.h>

Test(lock, is_taken_and_given)
{
	struct uwsgi_lock *lock = uwsgi_lock_create("test");
	cr_assert_eq(uwsgi_lock_take(lock), 0);
	uwsgi_lock_give(lock);
	cr_assert_eq(uwsgi_lock_try(lock), 0);
	uwsgi_lock_give(lock);
}

Test(lock, is_busy_for_another_process_while_held)
{
	struct uwsgi_lock *lock = uwsgi_lock_create("test");
	int status;
	cr_assert_eq(uwsgi_lock_take(lock), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(uwsgi_lock_try(lock) == -EBUSY ? 0 : 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	uwsgi_lock_give(lock);
}

/* A child takes the lock and is killed while it holds it. */
static struct uwsgi_lock *orphaned(void)
{
	struct uwsgi_lock *lock = uwsgi_lock_create("test");
	int fds[2];
	char byte;
	cr_assert_eq(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		uwsgi_lock_take(lock);
		(void)!write(fds[1], "x", 1);
		for (;;)
			pause();
	}
	cr_assert_eq(read(fds[0], &byte, 1), 1);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	return lock;
}

Test(lock, survives_the_death_of_its_owner_and_says_so_once, .timeout = 10)
{
	struct uwsgi_lock *lock = orphaned();
	cr_assert_eq(uwsgi_lock_take(lock), 1);
	uwsgi_lock_give(lock);
	cr_assert_eq(uwsgi_lock_take(lock), 0);
	uwsgi_lock_give(lock);
}

Test(lock, can_be_tried_after_the_death_of_its_owner)
{
	struct uwsgi_lock *lock = orphaned();
	cr_assert_eq(uwsgi_lock_try(lock), 1);
	uwsgi_lock_give(lock);
	cr_assert_eq(uwsgi_lock_try(lock), 0);
}

Test(lock, loses_no_step_of_many_processes)
{
	struct uwsgi_lock *lock = uwsgi_lock_create("test");
	long *count = uwsgi_shm_alloc(sizeof *count);
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			for (int step = 0; step < 5000; step++) {
				uwsgi_lock_take(lock);
				++*(volatile long *)count;
				uwsgi_lock_give(lock);
			}
			_exit(0);
		}
	for (int i = 0; i < 4; i++)
		cr_assert_gt(wait(NULL), 0);
	cr_assert_eq(*count, 20000);
}
