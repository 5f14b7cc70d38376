/* shell.c - see shell.h. */
#include "shell.h"

#include "trap.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

pid_t shell_run(const char *command)
{
	trap_hold();
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		setsid();
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	int error = errno;
	trap_release();
	return pid == -1 ? -error : pid;
}
