/* A command in a session of its own. */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>

#include "shell.h"
#include "trap.h"

static int status_of(const char *command)
{
	int status;
	pid_t pid = shell_run(command);
	cr_assert_gt(pid, 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

Test(shell, runs_a_command_and_its_status_is_heard)
{
	cr_assert_eq(WEXITSTATUS(status_of("exit 3")), 3);
	cr_assert_eq(WEXITSTATUS(status_of("/nothing/of/that/name 2>/dev/null")), 127);
}

Test(shell, gives_it_signals_as_any_program_expects_them)
{
	static const int caught[] = { SIGTERM, SIGHUP, 0 };
	trap_open(caught); /* which ignores SIGPIPE */
	int status = status_of("kill -PIPE $$; exit 0");
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
	status = status_of("kill -TERM $$; exit 0");
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

Test(shell, its_whole_group_can_be_told_to_end)
{
	int status;
	pid_t pid = shell_run("sleep 1000 & wait");
	cr_assert_gt(pid, 0);
	while (kill(-pid, SIGKILL) == -1) /* until it has its session */
		;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status));
}
