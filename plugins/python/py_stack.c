/* py_stack.c - the stack of a thread that does not answer, even when it holds the GIL in C code.
 *
 * The thread writes it itself, in a signal handler that Python's faulthandler provides; all it needs is the thread's
 * own state.  Whoever asks waits for it a moment, because the process may end next. */
#include "py.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define STACK_SIGNAL (SIGRTMIN + 10)
#define WAIT_S 1

static void (*dump)(int signum); /* faulthandler's handler */
static sem_t dumped;

static void on_signal(int signum)
{
	int saved = errno;
	dump(signum);
	sem_post(&dumped);
	errno = saved;
}

int py_stack_init(void)
{
	struct sigaction action;
	PyObject *faulthandler = PyImport_ImportModule("faulthandler");
	PyObject *done = faulthandler ? PyObject_CallMethod(faulthandler, "register", "iiOO", STACK_SIGNAL,
							    STDERR_FILENO, Py_False, Py_False)
				      : NULL;
	Py_XDECREF(faulthandler);
	if (!done)
		return -1;
	Py_DECREF(done);
	sem_init(&dumped, 0, 0);
	sigaction(STACK_SIGNAL, NULL, &action);
	dump = action.sa_handler;
	action.sa_handler = on_signal;
	return sigaction(STACK_SIGNAL, &action, NULL);
}

void py_stack_log(int core, int tid)
{
	struct timespec until;
	if (!dump)
		return;
	uwsgi_log("*** Python stack of core %d of %s %d ***\n", core, uwsgi_my_kind(), uwsgi_my_number());
	while (sem_trywait(&dumped) == 0) /* one that came too late the last time */
		;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	if (tgkill(getpid(), tid, STACK_SIGNAL) == -1 || sem_timedwait(&dumped, &until) == -1)
		uwsgi_log("(not to be had: %s)\n", strerror(errno));
}
