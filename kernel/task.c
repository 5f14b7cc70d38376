/* task.c - see uwsgi/task.h.
 *
 * A thread of its own sleeps until the earliest deadline, so that a task stuck in code that never comes back is no
 * exception.  It starts with the first deadline of the process. */
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uwsgi/hook.h>
#include <uwsgi/log.h>
#include <uwsgi/loop.h>
#include <uwsgi/proc.h>
#include <uwsgi/task.h>

/* What a thread is at. */
struct task {
	char name[256];
	pid_t tid;
	uint64_t due_ms;
	int depth; /* of tasks within tasks; 0: it is at none */
	struct task *next;
};
static _Thread_local struct task mine;

/* Of this process.  All is guarded by the lock but .limit, which is set before there are threads. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t sooner;
	bool watched;
	int limit;
	struct task *tasks;
	struct task user; /* what the program asked for; .due_ms 0: nothing */
	int user_limit;
} process = { .lock = PTHREAD_MUTEX_INITIALIZER, .user.name = "what the program set a time for" };

/* ---- the watchdog ---- */

static const struct task *earliest(void)
{
	const struct task *first = process.user.due_ms ? &process.user : NULL;
	for (const struct task *task = process.tasks; task; task = task->next)
		if (!first || task->due_ms < first->due_ms)
			first = task;
	return first;
}

static int tell_stuck(uwsgi_hook_fn *fn, void *data)
{
	const struct task *task = data;
	((uwsgi_hook_stuck *)fn)(0, (int)task->tid);
	return 0;
}

static _Noreturn void end(const struct task *task)
{
	uwsgi_log("*** HARAKIRI ON %s %d (pid: %d): %s takes longer than %d seconds; the process is replaced ***\n",
		  uwsgi_my_kind(), uwsgi_my_number(), (int)getpid(), task->name,
		  task == &process.user ? process.user_limit : process.limit);
	uwsgi_hook_each(UWSGI_HOOK_WORKER_STUCK, tell_stuck, (void *)task);
	kill(getpid(), SIGKILL);
	_exit(1);
}

static void *watch(void *data)
{
	(void)data;
	pthread_mutex_lock(&process.lock);
	for (;;) {
		const struct task *task = earliest();
		if (!task) {
			pthread_cond_wait(&process.sooner, &process.lock);
			continue;
		}
		if (task->due_ms <= uwsgi_now_ms())
			end(task);
		struct timespec due = { .tv_sec = (time_t)(task->due_ms / 1000),
					.tv_nsec = (long)(task->due_ms % 1000) * 1000000 };
		pthread_cond_timedwait(&process.sooner, &process.lock, &due);
	}
	return NULL;
}

/* In a process that the program forked nobody watches, and nobody is at a task. */
static void forget_all(void)
{
	pthread_mutex_init(&process.lock, NULL);
	process.watched = false;
	process.tasks = NULL;
	process.user.due_ms = 0;
	mine.depth = 0;
}

/* Signals of the system are not this thread's business. */
static int start_watching(void)
{
	static bool hears_of_forks;
	if (!hears_of_forks)
		hears_of_forks = pthread_atfork(NULL, NULL, forget_all) == 0;
	pthread_t thread;
	pthread_condattr_t monotonic;
	sigset_t all, before;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&process.sooner, &monotonic);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int failed = pthread_create(&thread, NULL, watch, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failed)
		pthread_detach(thread);
	process.watched = !failed;
	return -failed;
}

/* Something is due that the watchdog may not know of; the lock is held. */
static int tell_watchdog(void)
{
	if (!process.watched)
		return start_watching();
	pthread_cond_signal(&process.sooner);
	return 0;
}

static uint64_t in_seconds(int seconds)
{
	return uwsgi_now_ms() + (uint64_t)seconds * 1000;
}

/* ---- what others say ---- */

void uwsgi_task_limit(int seconds)
{
	process.limit = seconds > 0 ? seconds : 0;
}

void uwsgi_task_begin(const char *name, ...)
{
	va_list args;
	if (!process.limit || mine.depth++)
		return;
	pthread_mutex_lock(&process.lock);
	va_start(args, name);
	vsnprintf(mine.name, sizeof mine.name, name, args);
	va_end(args);
	mine.tid = gettid();
	mine.due_ms = in_seconds(process.limit);
	mine.next = process.tasks;
	process.tasks = &mine;
	int failed = tell_watchdog();
	pthread_mutex_unlock(&process.lock);
	if (failed)
		uwsgi_log("uwsgi: %s %d: nobody watches how long %s takes: %s\n", uwsgi_my_kind(), uwsgi_my_number(),
			  mine.name, strerror(-failed));
}

void uwsgi_task_end(void)
{
	if (!process.limit || mine.depth <= 0 || --mine.depth)
		return;
	pthread_mutex_lock(&process.lock);
	for (struct task **at = &process.tasks; *at; at = &(*at)->next)
		if (*at == &mine) {
			*at = mine.next;
			break;
		}
	pthread_mutex_unlock(&process.lock);
}

int uwsgi_task_until(int seconds)
{
	pthread_mutex_lock(&process.lock);
	process.user.due_ms = seconds > 0 ? in_seconds(seconds) : 0;
	process.user.tid = gettid();
	process.user_limit = seconds;
	int failed = seconds > 0 ? tell_watchdog() : 0;
	if (failed)
		process.user.due_ms = 0;
	pthread_mutex_unlock(&process.lock);
	return failed;
}
