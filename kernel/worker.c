/* worker.c - a worker: what it watches, and its life from its fork to its exit.
 *
 * All its cores wait on one epoll: for the listening sockets, the connections, the signals of the bus, the loop and a
 * descriptor that wakes all of them. */
#include "worker.h"

#include "accept.h"
#include "attendant.h"
#include "child.h"
#include "core.h"
#include "door.h"
#include "harakiri.h"
#include "listen.h"
#include "loop.h"
#include "override.h"
#include "phase.h"
#include "plugin.h"
#include "recycle.h"
#include "reqlog.h"
#include "request_id.h"
#include "signal_bus.h"
#include "signals.h"
#include "trap.h"
#include "turn.h"
#include "worker_end.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <uwsgi/log.h>

#define SIGNALS_PER_TURN 16

/* ---- what it watches ---- */

static int watch(struct serve *s, int fd, struct source *source, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = source };
	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) == -1 ? -errno : 0;
}

static void on_loop(struct source *source, uint32_t events, struct core *core)
{
	struct serve *s = core->serve;
	(void)events;
	if (core->refuses)
		return;
	pthread_mutex_lock(&s->loop_lock);
	loop_turn(s->loop, 0);
	pthread_mutex_unlock(&s->loop_lock);
	struct epoll_event again = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = source };
	epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, loop_fd(s->loop), &again);
}

static void on_signal(struct source *source, uint32_t events, struct core *core)
{
	(void)events;
	signal_serve(core->serve->kernel, ((const struct signal_source *)source)->queue, SIGNALS_PER_TURN);
}

/* One core is woken for one signal, be it of this worker or of another. */
static int watch_signals(struct serve *s)
{
	const int *queues;
	int count = signal_queues(s->kernel, &queues);
	if (count < 0)
		return count;
	s->signals = calloc((size_t)count + 1, sizeof *s->signals);
	if (!s->signals)
		return -ENOMEM;
	for (int i = 0; i < count; i++) {
		struct signal_source *source = &s->signals[i];
		source->source.fn = on_signal;
		source->queue = queues[i];
		int failed = watch(s, signal_bus_fd(s->kernel->bus, queues[i]), &source->source,
				   EPOLLIN | EPOLLET | (i ? EPOLLEXCLUSIVE : 0u));
		if (failed)
			return failed;
		signal_bus_nudge(s->kernel->bus, queues[i]);
	}
	return 0;
}

/* What waits at the end is handled still: the next generation has queues of its own. */
static void finish_signals(struct serve *s)
{
	const int *queues;
	int count = signal_queues(s->kernel, &queues);
	for (int i = 0; i < count; i++)
		signal_serve(s->kernel, queues[i], INT_MAX);
}

/* ---- its beginning ---- */

static int render_extra_headers(const struct settings *settings, struct uwsgi_str *out_r)
{
	size_t size = 0, n = 0;
	for (size_t i = 0; i < settings->add_headers.n; i++)
		size += strlen(settings->add_headers.v[i]) + 2;
	char *text = malloc(size + 1);
	if (!text || size > HEAD_MAX / 2)
		return -ENOMEM;
	for (size_t i = 0; i < settings->add_headers.n; i++)
		n += (size_t)sprintf(text + n, "%s\r\n", settings->add_headers.v[i]);
	*out_r = (struct uwsgi_str){ text, n };
	return 0;
}

static int watch_listeners(struct kernel *k, struct serve *s)
{
	const struct uwsgi_socket *const *sockets;
	s->listener_count = listeners_list(k->listeners, &sockets);
	s->listeners = calloc(s->listener_count + 1, sizeof *s->listeners);
	if (!s->listeners)
		return -ENOMEM;
	for (size_t i = 0; i < s->listener_count; i++) {
		struct listener *l = &s->listeners[i];
		l->source.fn = accept_event;
		l->socket = sockets[i];
		l->protocol = plugins_protocol(k->plugins, sockets[i]->protocol);
	}
	s->hands_on = k->control_fd != -1;
	s->stopping = &k->shared->stopping;
	s->handed_source.fn = accept_handed;
	s->handed = k->handed;
	return door_open(s);
}

static int prepare(struct kernel *k, struct serve *s, struct proc_slot *slot)
{
	*s = (struct serve){
		.settings = k->settings,
		.table = k->table,
		.slot = slot,
		.loop = k->loop,
		.plugins = k->plugins,
		.harakiri = k->harakiri,
		.recycle = k->recycle,
		.patience = k->patience,
		.hooks = k->hooks,
		.kernel = k,
		.paused = &k->shared->paused,
	};
	s->read_size = (size_t)k->settings->buffer_size;
	if (s->read_size < 16384)
		s->read_size = 16384;
	atomic_store(&s->due_ms, UINT64_MAX);
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->loop_lock, NULL);
	s->log = reqlog_open(k->logs, proc_slot_index(k->table, slot));
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!s->log || s->epoll_fd == -1 || s->wake_fd == -1)
		return -errno;
	int failed = worker_end_watch(s);
	if (!failed)
		failed = reqlog_format(s->log, s->settings, slot->number);
	if (!failed)
		failed = render_extra_headers(s->settings, &s->extra_headers);
	if (!failed)
		failed = request_id_init(&s->ids, s->settings->request_id);
	if (!failed)
		failed = core_create_all(s);
	if (failed)
		return failed;
	plugins_handlers(k->plugins, s->handlers);
	s->on_conn = turn_event;
	s->loop_source.fn = on_loop;
	/* one core at a time: another would find the loop locked, and its descriptor readable for as long */
	failed = watch(s, loop_fd(k->loop), &s->loop_source, EPOLLIN | EPOLLONESHOT);
	return failed ? failed : watch(s, s->wake_fd, &s->wake_source, EPOLLIN);
}

/* What watches over the worker, where the options ask for it. */
static int start_watching(struct serve *s)
{
	int failed = recycle_start(s);
	if (!failed && (s->harakiri->seconds || recycle_is_evil(s->recycle)))
		failed = harakiri_start(s);
	if (!failed)
		attendant_start(s);
	return failed;
}

int worker_run(struct kernel *k, struct proc_slot *slot)
{
	static struct serve serve; /* one worker a process; too large for the stack of a thread */
	struct serve *s = &serve;
	int status = override_run(k);
	if (status != -ENOENT)
		return status;
	int failed = prepare(k, s, slot);
	if (!failed)
		failed = watch_listeners(k, s);
	if (!failed)
		failed = watch_signals(s);
	if (!failed)
		failed = start_watching(s);
	if (failed) {
		uwsgi_log("uwsgi: worker %d cannot be set up: %s; it ends\n", slot->number, strerror(-failed));
		return 1;
	}
	trap_release();
	core_begin(&s->cores[0]);
	if (core_start_others(s))
		return 1;
	atomic_store(&slot->accepting, true);
	phase_run_accepting(k->phases, slot->number, (int)slot->respawns);
	child_ready(k);
	core_loop(&s->cores[0]);
	core_join_others(s);
	if (!atomic_load(&s->hurry))
		finish_signals(s);
	reqlog_flush(s->log);
	return s->exit_status;
}
