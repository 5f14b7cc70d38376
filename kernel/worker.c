/* worker.c - a worker: its cores, their loop, and its end.
 *
 * All cores wait on one epoll.  With one core a turn takes a batch of events; with several each takes one event at a
 * time, so that no ready connection waits behind a long request while another core is free.  A wait has a timeout only
 * something is due, a connection's deadline or a log line: an idle worker has no wake-ups. */
#include "worker.h"

#include "accept.h"
#include "child.h"
#include "conn.h"
#include "door.h"
#include "harakiri.h"
#include "hook.h"
#include "listen.h"
#include "loop.h"
#include "override.h"
#include "phase.h"
#include "plugin.h"
#include "plugin_life.h"
#include "proc_policy.h"
#include "proc_title.h"
#include "recycle.h"
#include "reqlog.h"
#include "request.h"
#include "request_id.h"
#include "signal_bus.h"
#include "signals.h"
#include "sweep.h"
#include "trap.h"
#include "turn.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define BATCH 64
#define SIGNALS_PER_TURN 16
#define PAUSE_LOOK_MS 100
#define DEFAULT_MERCY_MS 60000
#define LATE_TURN_MS 50 /* between two looks of the watchdog at a worker that should end */

static _Thread_local int my_core = -1;

int uwsgi_my_core(void)
{
	return my_core;
}

/* ---- waiting ---- */

static int sooner(int a, int b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

static int wait_ms(struct serve *s, uint64_t now)
{
	int timeout = sooner(reqlog_timeout(s->log, now), door_timeout(s, now));
	uint64_t due = atomic_load_explicit(&s->due_ms, memory_order_relaxed);
	if (due != UINT64_MAX)
		timeout = sooner(timeout, due > now ? (int)(due - now) : 0);
	return sooner(timeout, loop_timeout(s->loop));
}

/* What is due by the clock: waiting log lines, connections that wait too long, the listening sockets, timers. */
static void housekeeping(struct core *core, uint64_t now)
{
	struct serve *s = core->serve;
	uint64_t due = atomic_load_explicit(&s->due_ms, memory_order_relaxed);
	if (reqlog_timeout(s->log, now) == 0)
		reqlog_flush(s->log);
	if (now >= due && atomic_compare_exchange_strong(&s->due_ms, &due, UINT64_MAX))
		sweep_run(core, now);
	/* what the loop calls may want the application: not for a core that is there because it is stuck */
	if (core->refuses || (door_timeout(s, now) && loop_timeout(s->loop)))
		return;
	if (pthread_mutex_trylock(&s->loop_lock) == 0) {
		door_resume(s, now);
		loop_turn(s->loop, 0);
		pthread_mutex_unlock(&s->loop_lock);
	}
}

/* What late requests hold open is not waited for. */
static bool core_done(const struct serve *s)
{
	return atomic_load(&s->draining) && (atomic_load(&s->hurry) || atomic_load(&s->open) <= atomic_load(&s->late));
}

static void run_again(struct core *core)
{
	struct conn *list = core->again;
	core->again = NULL;
	while (list) {
		struct conn *next = list->next;
		turn_run(core, list);
		list = next;
	}
}

static void wake_all(struct serve *s)
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
	wake_all(s);
}

/* Wait for events, at most `limit_ms` (-1: as long as nothing is due), and handle them. */
static void core_turn(struct core *core, int limit_ms)
{
	struct serve *s = core->serve;
	struct epoll_event events[BATCH];
	int batch = s->core_count == 1 ? BATCH : 1;
	uint64_t now = uwsgi_now_ms();
	housekeeping(core, now);
	int n = epoll_wait(s->epoll_fd, events, batch, core->again ? 0 : sooner(limit_ms, wait_ms(s, now)));
	for (int i = 0; i < n; i++) {
		struct source *source = events[i].data.ptr;
		source->fn(source, events[i].events, core);
	}
	if (core->again)
		run_again(core);
}

static void *core_loop(void *arg)
{
	struct core *core = arg;
	my_core = core->index;
	core->tid = gettid();
	while (!core_done(core->serve)) {
		if (is_paused(core->serve))
			wait_resumed(core);
		core_turn(core, -1);
	}
	wake_all(core->serve);
	return NULL;
}

/* ---- its end ---- */

/* Stop accepting.  The wake-up descriptor stays readable, so that every core comes and looks. */
static void drain(struct serve *s)
{
	if (atomic_load(&s->draining) && !s->listener_count)
		return;
	atomic_store(&s->draining, true);
	door_close(s);
	atomic_store(&s->slot->accepting, false);
	wake_all(s);
}

static void on_wake(struct source *source, uint32_t events, struct core *core)
{
	struct serve *s = core->serve;
	uint64_t count;
	(void)source;
	(void)events;
	if (!atomic_load(&s->draining)) { /* resumed */
		(void)!read(s->wake_fd, &count, sizeof count);
		return;
	}
	pthread_mutex_lock(&s->loop_lock);
	drain(s);
	pthread_mutex_unlock(&s->loop_lock);
	sweep_run(core, uwsgi_now_ms());
	if (core_done(s))
		return;
	/* not a busy loop: the others see the flag, this one goes on with what is still open */
	(void)!read(s->wake_fd, &count, sizeof count);
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

static void on_trap(struct uwsgi_watch *watch, unsigned events)
{
	struct serve *s = watch->data;
	(void)events;
	for (int signum; (signum = trap_next());) {
		switch (signum) {
		case SIGUSR1:
			continue;
		case SIGTSTP: /* paused or resumed: every core looks */
			wake_all(s);
			continue;
		case SIGINT:
		case SIGQUIT:
			atomic_store(&s->hurry, true);
			break;
		case SIGHUP: /* this worker alone is to be replaced */
			s->exit_status = EXIT_RECYCLE;
			break;
		}
		drain(s);
	}
}

static void on_orphaned(struct uwsgi_watch *watch, unsigned events)
{
	struct serve *s = watch->data;
	(void)events;
	uwsgi_log("uWSGI worker %d screams: UAAAAAAH my master disconnected: i will kill myself !!!\n",
		  s->slot->number);
	uwsgi_loop_remove(s->loop, watch);
	atomic_store(&s->hurry, true);
	drain(s);
}

/* It has served its time.  A master starts another first, and tells this one to end when that one serves. */
static void on_worn(struct serve *s)
{
	s->exit_status = EXIT_RECYCLE;
	if (s->kernel->control_fd != -1) {
		child_tell(s->kernel, MESSAGE_REPLACE);
		return;
	}
	atomic_store(&s->draining, true);
	wake_all(s);
}

/* ---- the end of a worker whose cores are stuck ---- */

/* A core in place of all that are stuck: what the loop does for clients goes on, what needs the application does not.
 */
static struct core *stand_in(struct serve *s)
{
	static struct core core; /* one worker a process */
	if (!core.serve) {
		core = (struct core){ .index = s->core_count, .refuses = true, .scratch = malloc(s->read_size) };
		if (!core.scratch || request_create(&core.req, &core, s->settings))
			return NULL;
		core.serve = s;
	}
	return &core;
}

static uint64_t mercy_ms(const struct settings *settings)
{
	return settings->worker_reload_mercy ? (uint64_t)settings->worker_reload_mercy * 1000 : DEFAULT_MERCY_MS;
}

/* [watchdog] The requests that are not late finish; then the process ends, whatever the others hold. */
static void on_late(struct serve *s)
{
	static uint64_t give_up_ms; /* one worker a process */
	uint64_t now = uwsgi_now_ms();
	if (!give_up_ms)
		give_up_ms = now + mercy_ms(s->settings);
	if (!atomic_exchange(&s->worn, true))
		on_worn(s);
	atomic_store(&s->draining, true);
	if (pthread_mutex_trylock(&s->loop_lock) == 0) {
		drain(s);
		pthread_mutex_unlock(&s->loop_lock);
	}
	struct core *core = atomic_load(&s->late) == s->core_count ? stand_in(s) : NULL;
	if (core)
		core_turn(core, LATE_TURN_MS);
	else
		poll(NULL, 0, LATE_TURN_MS);
	if (!core_done(s) && now < give_up_ms)
		return;
	reqlog_flush(s->log);
	_exit(EXIT_RECYCLE);
}

/* ---- signals ---- */

static int watch(struct serve *s, int fd, struct source *source, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = source };
	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) == -1 ? -errno : 0;
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

static int make_cores(struct serve *s)
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
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGTSTP, 0 };
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
		.on_late = on_late,
		.on_worn = on_worn,
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
	if (!s->log || s->epoll_fd == -1 || s->wake_fd == -1 || trap_open(signals))
		return -errno;
	int failed = reqlog_format(s->log, s->settings, slot->number);
	if (!failed)
		failed = render_extra_headers(s->settings, &s->extra_headers);
	if (!failed)
		failed = request_id_init(&s->ids, s->settings->request_id);
	if (!failed)
		failed = make_cores(s);
	if (failed)
		return failed;
	plugins_handlers(k->plugins, s->handlers);
	s->on_conn = turn_event;
	s->loop_source.fn = on_loop;
	s->wake_source.fn = on_wake;
	/* one core at a time: another would find the loop locked, and its descriptor readable for as long */
	failed = watch(s, loop_fd(k->loop), &s->loop_source, EPOLLIN | EPOLLONESHOT);
	return failed ? failed : watch(s, s->wake_fd, &s->wake_source, EPOLLIN);
}

static void *thread_main(void *arg)
{
	struct core *core = arg;
	char name[16];
	snprintf(name, sizeof name, "uWSGICore%d", core->index);
	prctl(PR_SET_NAME, name);
	my_core = core->index;
	plugins_thread_init(core->serve->plugins, core->index);
	core_loop(core);
	plugins_thread_exit(core->serve->plugins, core->index);
	return NULL;
}

/* What watches over the worker, where the options ask for it. */
static int start_watching(struct serve *s)
{
	int failed = recycle_start(s);
	if (!failed && (s->harakiri->seconds || recycle_is_evil(s->recycle)))
		failed = harakiri_start(s);
	return failed;
}

int worker_run(struct kernel *k, struct proc_slot *slot)
{
	static struct serve serve; /* one worker a process; too large for the stack of a thread */
	struct serve *s = &serve;
	struct uwsgi_watch trap = { .fn = on_trap, .data = s }, life = { .fn = on_orphaned, .data = s };
	int status = override_run(k);
	if (status != -ENOENT)
		return status;
	int failed = prepare(k, s, slot);
	trap.fd = trap_fd();
	life.fd = k->life_fd;
	if (!failed)
		failed = uwsgi_loop_add(k->loop, &trap, UWSGI_READ);
	if (!failed && life.fd != -1)
		failed = uwsgi_loop_add(k->loop, &life, UWSGI_READ);
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
	my_core = 0;
	plugins_thread_init(s->plugins, 0);
	for (int i = 1; i < s->core_count; i++)
		if (pthread_create(&s->cores[i].thread, NULL, thread_main, &s->cores[i])) {
			uwsgi_log("uwsgi: worker %d cannot start thread %d: %s; it ends\n", slot->number, i,
				  strerror(errno));
			return 1;
		}
	atomic_store(&slot->accepting, true);
	phase_run_accepting(k->phases, slot->number, (int)slot->respawns);
	child_ready(k);
	core_loop(&s->cores[0]);
	/* a core that is still in the application when everything must end is left behind: the process exits */
	for (int i = 1; i < s->core_count && !atomic_load(&s->hurry); i++) {
		wake_all(s);
		pthread_join(s->cores[i].thread, NULL);
	}
	if (!atomic_load(&s->hurry))
		finish_signals(s);
	reqlog_flush(s->log);
	return s->exit_status;
}
