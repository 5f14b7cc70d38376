/* OS signals: caught ones arrive as numbers, held ones after the release, none are lost to a fork. */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trap.h"

static const int caught[] = { SIGUSR1, SIGTERM, SIGCHLD, 0 };

Test(trap, hands_out_signals_in_order_and_then_nothing)
{
	cr_assert_eq(trap_open(caught), 0);
	cr_assert_eq(trap_next(), 0);
	raise(SIGUSR1);
	raise(SIGTERM);
	struct pollfd p = { trap_fd(), POLLIN, 0 };
	cr_assert_eq(poll(&p, 1, 0), 1);
	cr_assert_eq(trap_next(), SIGUSR1);
	cr_assert_eq(trap_next(), SIGTERM);
	cr_assert_eq(trap_next(), 0);
}

Test(trap, is_not_ended_by_a_reader_that_went_away)
{
	int fds[2];
	cr_assert_eq(trap_open(caught), 0);
	cr_assert_eq(pipe(fds), 0);
	close(fds[0]);
	cr_assert_eq(write(fds[1], "x", 1), -1);
}

Test(trap, gives_held_signals_after_the_release)
{
	cr_assert_eq(trap_open(caught), 0);
	trap_hold();
	raise(SIGTERM);
	cr_assert_eq(trap_next(), 0);
	trap_release();
	cr_assert_eq(trap_next(), SIGTERM);
}

Test(trap, keeps_the_signals_of_a_child_from_its_parent)
{
	int status;
	cr_assert_eq(trap_open((const int[]){ SIGUSR1, 0 }), 0);
	trap_hold();
	pid_t pid = fork();
	if (pid == 0) {
		int failed = trap_open((const int[]){ SIGUSR1, 0 });
		trap_release();
		raise(SIGUSR1);
		_exit(failed || trap_next() != SIGUSR1);
	}
	trap_release();
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(trap_next(), 0);
}

Test(trap, leaves_a_child_that_has_none_to_its_signals)
{
	int status;
	cr_assert_eq(trap_open((const int[]){ SIGTERM, 0 }), 0);
	pid_t pid = fork();
	if (pid == 0) {
		raise(SIGTERM);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status));
	cr_assert_eq(WTERMSIG(status), SIGTERM);
	cr_assert_eq(trap_next(), 0);
}

Test(trap, drops_no_process_when_the_pipe_is_full)
{
	cr_assert_eq(trap_open(caught), 0);
	for (int i = 0; i < 100000; i++)
		raise(SIGUSR1);
	cr_assert_eq(trap_next(), SIGUSR1);
}
