/* spooler_watchdog.c - a task that takes too long ends its process: says which, shows where it is, and kills.
 *
 * A thread waits on a timer that the main thread sets before each task, so that a task stuck in C code is no
 * exception.  What was in hand is counted by the next process, see spool_hand.h. */
#include "spooler.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Of this process: one task at a time. */
static struct {
	int timer; /* -1: there is no limit */
	int seconds;
	pid_t main_thread;
	char task[512]; /* written while the timer does not run */
} watchdog = { .timer = -1 };

static int tell_stuck(uwsgi_hook_fn *fn, void *data)
{
	(void)data;
	((uwsgi_hook_stuck *)fn)(0, (int)watchdog.main_thread);
	return 0;
}

static void *watch(void *data)
{
	uint64_t times;
	(void)data;
	while (read(watchdog.timer, &times, sizeof times) != sizeof times)
		;
	uwsgi_log("*** HARAKIRI ON SPOOLER %d (pid: %d): task %s takes longer than %d seconds; the process ends, the "
		  "task is run again ***\n",
		  uwsgi_my_number(), (int)getpid(), watchdog.task, watchdog.seconds);
	uwsgi_hook_each(UWSGI_HOOK_WORKER_STUCK, tell_stuck, NULL);
	kill(getpid(), SIGKILL);
	return NULL;
}

static void set(int seconds)
{
	struct itimerspec in = { .it_value.tv_sec = seconds };
	timerfd_settime(watchdog.timer, 0, &in, NULL);
}

void spooler_watchdog_start(int seconds)
{
	pthread_t thread;
	sigset_t all, before;
	if (seconds <= 0)
		return;
	watchdog.seconds = seconds;
	watchdog.main_thread = gettid();
	watchdog.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are the main thread's */
	if (watchdog.timer == -1 || pthread_create(&thread, NULL, watch, NULL)) {
		uwsgi_log("[spooler] cannot watch over tasks: tasks of spooler %d run without spooler-harakiri\n",
			  uwsgi_my_number());
		watchdog.timer = -1;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void spooler_watchdog_arm(const char *task)
{
	if (watchdog.timer == -1)
		return;
	snprintf(watchdog.task, sizeof watchdog.task, "%s", task);
	set(watchdog.seconds);
}

void spooler_watchdog_disarm(void)
{
	if (watchdog.timer != -1)
		set(0);
}
