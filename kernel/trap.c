/* trap.c - OS signals, through a pipe, to the loop.
 *
 * The handler writes the signal's number as one byte.  In a child that the application forked, which has this handler
 * and this pipe too, it has the signal do what it does to any process: nothing else may ever be added to it.  A handler
 * has no argument to find the pipe and its owner by, so they are mutable state of the file. */
#include "trap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static int pipe_fds[2] = { -1, -1 };
static pid_t owner;
static sigset_t held_mask;

static void on_signal(int signum)
{
	int saved = errno;
	unsigned char byte = (unsigned char)signum;
	if (getpid() == owner) {
		(void)!write(pipe_fds[1], &byte, 1);
	} else {
		signal(signum, SIG_DFL);
		raise(signum); /* held back until this handler returns */
	}
	errno = saved;
}

int trap_open(const int *signals)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1)
		return -errno;
	if (pipe_fds[0] != -1) {
		close(pipe_fds[0]);
		close(pipe_fds[1]);
	}
	pipe_fds[0] = fds[0];
	pipe_fds[1] = fds[1];
	owner = getpid();
	signal(SIGPIPE, SIG_IGN);
	for (; *signals; signals++) {
		struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
		sigfillset(&sa.sa_mask);
		if (sigaction(*signals, &sa, NULL) == -1)
			return -errno;
	}
	return 0;
}

int trap_fd(void)
{
	return pipe_fds[0];
}

int trap_next(void)
{
	unsigned char byte;
	return read(pipe_fds[0], &byte, 1) == 1 ? byte : 0;
}

void trap_hold(void)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &held_mask);
}

void trap_release(void)
{
	sigprocmask(SIG_SETMASK, &held_mask, NULL);
}
