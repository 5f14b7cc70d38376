/* child.c - what every forked process does first and last, whatever its kind. */
#include "child.h"

#include "hook.h"
#include "limit.h"
#include "listen.h"
#include "loop.h"
#include "phase.h"
#include "plugin_life.h"
#include "privs.h"
#include "proc_policy.h"
#include "proc_title.h"
#include "settings.h"
#include "signals.h"
#include "trap.h"
#include "worker.h"
#include "zygote.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define ADOPTION_MS 1000       /* until the helper that forked us is gone, and the master our parent */
#define ORPHAN_SIGNAL SIGRTMAX /* which programs leave alone */
#define ORPHAN_SECONDS 1       /* between the end of the master and that of a process that does not notice */

void child_tell(const struct kernel *k, enum message_kind kind)
{
	struct message message = { kind, proc_slot_index(k->table, k->slot), k->generation };
	if (k->control_fd != -1)
		(void)!write(k->control_fd, &message, sizeof message);
}

/* ---- the death of the master ---- */

void child_end_with_master(const struct kernel *k)
{
	pid_t master = atomic_load(&k->shared->master_pid);
	if (!master)
		return;
	/* the signal is for the death of the parent; for a moment that is the helper which forked us */
	for (int ms = 0; getppid() != master && ms < ADOPTION_MS; ms++)
		poll(NULL, 0, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != master)
		_exit(1);
}

/* A handler has no argument to find it by. */
static timer_t last_moment;

static void on_orphan_signal(int signum)
{
	static const struct itimerspec moment = { .it_value.tv_sec = ORPHAN_SECONDS };
	(void)signum;
	timer_settime(last_moment, 0, &moment, NULL);
}

/* From now on there is a loop, which sees that the master is gone and ends in order; the signal is for code that does
 * not come back to it. */
static void end_in_order_with_master(void)
{
	struct sigevent killing = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct sigaction sa = { .sa_handler = on_orphan_signal, .sa_flags = SA_RESTART };
	if (timer_create(CLOCK_MONOTONIC, &killing, &last_moment) == 0 && sigaction(ORPHAN_SIGNAL, &sa, NULL) == 0)
		prctl(PR_SET_PDEATHSIG, ORPHAN_SIGNAL);
}

/* ---- its life ---- */

void child_ready(const struct kernel *k)
{
	proc_event(k->slot, PROC_EV_READY);
	child_tell(k, MESSAGE_READY);
}

static int visit_process(uwsgi_hook_fn *fn, void *data)
{
	const struct kernel *k = data;
	((uwsgi_hook_process *)fn)(k->role, k->slot->number);
	return 0;
}

static int visit_child(uwsgi_hook_fn *fn, void *data)
{
	(void)data;
	((uwsgi_hook_fork *)fn)(UWSGI_FORK_CHILD);
	return 0;
}

static void set_title(const struct kernel *k)
{
	const struct settings *s = k->settings;
	char title[256];
	const char *prefix = s->procname_prefix ? s->procname_prefix : s->procname_prefix_spaced;
	if (!s->auto_procname && !prefix && !s->procname_append && !s->procname)
		return;
	snprintf(title, sizeof title, "%s%s%s", prefix ? prefix : "",
		 s->procname_prefix_spaced && !s->procname_prefix ? " " : "", s->procname ? s->procname : "");
	size_t n = strlen(title);
	if (!s->procname)
		n += (size_t)snprintf(title + n, sizeof title - n, "uWSGI %s %d", k->role, k->slot->number);
	if (n < sizeof title)
		snprintf(title + n, sizeof title - n, "%s", s->procname_append ? s->procname_append : "");
	proc_title_set(title);
}

static void on_trap(struct uwsgi_watch *watch, unsigned events)
{
	struct kernel *k = watch->data;
	(void)events;
	for (int signum; (signum = trap_next());)
		if (signum == SIGTERM || signum == SIGINT || signum == SIGQUIT)
			uwsgi_loop_stop(k->loop);
}

static void on_orphaned(struct uwsgi_watch *watch, unsigned events)
{
	struct kernel *k = watch->data;
	(void)events;
	uwsgi_loop_remove(k->loop, watch);
	uwsgi_loop_stop(k->loop);
}

/* A kind that brings its own life: its loop ends on a signal or with the master. */
static int run_kind(struct kernel *k, const struct uwsgi_kind *kind)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, 0 };
	struct uwsgi_watch trap = { .fn = on_trap, .data = k },
			   life = { .fd = k->life_fd, .fn = on_orphaned, .data = k };
	int failed = trap_open(signals);
	if (!failed) {
		trap.fd = trap_fd();
		failed = uwsgi_loop_add(k->loop, &trap, UWSGI_READ);
	}
	if (!failed && life.fd != -1)
		failed = uwsgi_loop_add(k->loop, &life, UWSGI_READ);
	if (!failed)
		failed = signal_watch(k);
	if (failed) {
		uwsgi_log("uwsgi: %s %d cannot be set up: %s; it ends\n", k->role, k->slot->number, strerror(-failed));
		return 1;
	}
	trap_release();
	child_ready(k);
	return kind->run(k->slot->number);
}

static int run(struct kernel *k, const struct uwsgi_kind *kind)
{
	bool of_generation = !(kind->flags & UWSGI_KIND_FROM_MASTER);
	if (of_generation) {
		child_end_with_master(k);
		hook_each(k->hooks, UWSGI_HOOK_PROCESS_FORK, visit_child, NULL);
		if (k->settings->lazy_apps && zygote_load(k) < 0)
			return EXIT_APP_FAILED;
		if (k->settings->lazy_apps)
			atomic_store(&k->shared->loaded_generation, k->generation);
		if (plugins_post_fork(k->plugins) < 0)
			return 1;
		end_in_order_with_master();
	}
	enum phase phase = of_generation ? PHASE_POST_FORK : PHASE_AS_GATEWAY;
	if ((!of_generation || kind->flags & UWSGI_KIND_SERVES) && phase_run(k->phases, phase))
		return 1;
	if (kind->flags & UWSGI_KIND_SERVES)
		limit_pin(k->limits, k->slot->number);
	hook_each(k->hooks, UWSGI_HOOK_PROCESS_START, visit_process, k);
	int status = kind->flags & UWSGI_KIND_SERVES ? worker_run(k, k->slot) : run_kind(k, kind);
	hook_each(k->hooks, UWSGI_HOOK_PROCESS_EXIT, visit_process, k);
	if (of_generation)
		plugins_atexit(k->plugins);
	return status;
}

_Noreturn void child_main(struct kernel *k, struct proc_slot *slot)
{
	const struct uwsgi_kind *kind = proc_kind_at(k->table, slot->kind);
	if (atomic_load(&slot->state) == UWSGI_PROC_FREE)
		_exit(0); /* its zygote was killed while it was being born, and the master gave it up */
	atomic_store(&slot->pid, getpid());
	if (atomic_load(&slot->state) == UWSGI_PROC_STOPPING)
		raise(SIGTERM); /* told to end before there was a pid to tell; held until the trap is open */
	slot->last_spawn_us = uwsgi_micros();
	k->slot = slot;
	k->role = kind->name;
	k->generation = slot->generation;
	k->loop = loop_create();
	if (!k->loop)
		_exit(1);
	bool bare = kind->flags & UWSGI_KIND_FROM_MASTER; /* no application came before it */
	if ((bare && privs_drop(k->privs, PRIVS_LOADED)) || limit_lock_memory(k->limits))
		_exit(EXIT_CANNOT_START);
	if (!bare)
		listeners_close_gateways(k->listeners);
	set_title(k);
	int status = run(k, kind);
	fflush(NULL);
	_exit(status);
}
