/* core.c - the cores of a worker: threads that take events from one epoll and handle them.
 *
 * With one core a turn takes a batch of events; with several each takes one event at a time, so that no ready
 * connection waits behind a long request while another core is free.  A wait has a timeout only when something is due,
 * a connection's deadline or a log line: an idle worker has no wake-ups. */
#include "core.h"

#include "attendant.h"
#include "door.h"
#include "loop.h"
#include "plugin_life.h"
#include "reqlog.h"
#include "request.h"
#include "sweep.h"
#include "turn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define BATCH 64
#define PAUSE_LOOK_MS 100

static _Thread_local int my_core = -1;

int uwsgi_my_core(void)
{
	return my_core;
}

int core_create_all(struct serve *s)
{
	s->core_count = s->settings->threads;
	s->cores = calloc((size_t)s->core_count, sizeof *s->cores);
	if (!s->cores)
		return -ENOMEM;
	for (int i = 0; i < s->core_count; i++) {
		struct core *core = &s->cores[i];
		core->serve = s;
		core->index = i;
		core->scratch = malloc(s->read_size);
		if (!core->scratch || request_create(&core->req, core, s->settings))
			return -ENOMEM;
	}
	return 0;
}

/* ---- waiting ---- */

static int sooner(int a, int b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

/* Milliseconds until something is due by the clock: waiting log lines, connections that wait too long, the listening
 * sockets, timers.  0: it is, -1: nothing will be. */
static int due_in(const struct core *core, uint64_t now)
{
	const struct serve *s = core->serve;
	uint64_t due = atomic_load_explicit(&s->due_ms, memory_order_relaxed);
	int ms = reqlog_timeout(s->log, now);
	if (due != UINT64_MAX)
		ms = sooner(ms, due > now ? (int)(due - now) : 0);
	/* what the loop calls may want the application: not for a core that is there because others are stuck */
	return core->refuses ? ms : sooner(ms, sooner(door_timeout(s, now), loop_timeout(s->loop)));
}

/* Do what is due. */
static void housekeeping(struct core *core, uint64_t now)
{
	struct serve *s = core->serve;
	uint64_t due = atomic_load_explicit(&s->due_ms, memory_order_relaxed);
	if (reqlog_timeout(s->log, now) == 0)
		reqlog_flush(s->log);
	if (now >= due && atomic_compare_exchange_strong(&s->due_ms, &due, UINT64_MAX))
		sweep_run(core, now);
	if (core->refuses || (door_timeout(s, now) && loop_timeout(s->loop)))
		return;
	if (pthread_mutex_trylock(&s->loop_lock) == 0) {
		door_resume(s, now);
		loop_turn(s->loop, 0);
		pthread_mutex_unlock(&s->loop_lock);
	}
}

bool core_done(const struct serve *s)
{
	return atomic_load(&s->draining) && (atomic_load(&s->hurry) || atomic_load(&s->open) <= atomic_load(&s->late));
}

void core_wake_all(struct serve *s)
{
	uint64_t one = 1;
	(void)!write(s->wake_fd, &one, sizeof one);
}

static bool is_paused(const struct serve *s)
{
	return atomic_load_explicit(s->paused, memory_order_relaxed) && !atomic_load(&s->draining);
}

/* What comes meanwhile stays where it is, in the sockets and in the epoll; only signals are looked at. */
static void wait_resumed(struct core *core)
{
	struct serve *s = core->serve;
	struct pollfd news[] = { { .fd = loop_fd(s->loop), .events = POLLIN }, { .fd = s->wake_fd, .events = POLLIN } };
	reqlog_flush(s->log);
	if (core->index == 0)
		uwsgi_log("*** worker %d suspended ***\n", s->slot->number);
	while (is_paused(s)) {
		/* another core may have read the news before this one woke: it looks by itself, too */
		(void)poll(news, 2, PAUSE_LOOK_MS);
		pthread_mutex_lock(&s->loop_lock);
		loop_turn(s->loop, 0);
		pthread_mutex_unlock(&s->loop_lock);
	}
	if (core->index == 0)
		uwsgi_log("*** worker %d resumed ***\n", s->slot->number);
	core_wake_all(s);
}

static void run_list(struct core *core, struct conn *list)
{
	while (list) {
		struct conn *next = list->next;
		turn_run(core, list);
		list = next;
	}
}

void core_turn(struct core *core, int limit_ms)
{
	struct serve *s = core->serve;
	struct epoll_event events[BATCH];
	int batch = s->core_count == 1 ? BATCH : 1;
	run_list(core, attendant_returned(s));
	uint64_t now = uwsgi_now_ms();
	int idle_ms = due_in(core, now);
	if (idle_ms == 0) {
		housekeeping(core, now);
		idle_ms = due_in(core, now);
	}
	int n = epoll_wait(s->epoll_fd, events, batch, core->again ? 0 : sooner(limit_ms, idle_ms));
	/* what is not a connection first: it is told once, and a request may take long */
	for (int connections = 0; connections < 2; connections++)
		for (int i = 0; i < n; i++) {
			struct source *source = events[i].data.ptr;
			if ((source->fn == s->on_conn) == connections)
				source->fn(source, events[i].events, core);
		}
	struct conn *again = core->again;
	core->again = NULL;
	run_list(core, again);
}

void core_loop(struct core *core)
{
	while (!core_done(core->serve)) {
		if (is_paused(core->serve))
			wait_resumed(core);
		core_turn(core, -1);
	}
	core_wake_all(core->serve);
}

/* ---- threads ---- */

void core_begin(struct core *core)
{
	my_core = core->index;
	core->tid = gettid();
	plugins_thread_init(core->serve->plugins, core->index);
}

static void *thread_main(void *arg)
{
	struct core *core = arg;
	char name[16];
	snprintf(name, sizeof name, "uWSGICore%d", core->index);
	prctl(PR_SET_NAME, name);
	core_begin(core);
	core_loop(core);
	plugins_thread_exit(core->serve->plugins, core->index);
	return NULL;
}

int core_start_others(struct serve *s)
{
	for (int i = 1; i < s->core_count; i++) {
		int error = pthread_create(&s->cores[i].thread, NULL, thread_main, &s->cores[i]);
		if (!error)
			continue;
		uwsgi_log("uwsgi: worker %d cannot start thread %d: %s; it ends\n", s->slot->number, i,
			  strerror(error));
		return -error;
	}
	return 0;
}

void core_join_others(struct serve *s)
{
	for (int i = 1; i < s->core_count && !atomic_load(&s->hurry); i++) {
		core_wake_all(s);
		pthread_join(s->cores[i].thread, NULL);
	}
}
