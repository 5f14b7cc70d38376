/* worker_end.c - why and how a worker ends: it is told to, it is orphaned, it has served its time, its cores are stuck.
 *
 * It stops accepting, finishes what was begun, and leaves its loops when nothing is open; in a hurry, at once. */
#include "worker_end.h"

#include "child.h"
#include "core.h"
#include "door.h"
#include "loop.h"
#include "proc_policy.h"
#include "reqlog.h"
#include "request.h"
#include "sweep.h"
#include "trap.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define DEFAULT_MERCY_MS 60000
#define LATE_TURN_MS 50 /* between two looks of the watchdog at a worker that should end */

/* Stop accepting.  The wake-up descriptor stays readable, so that every core comes and looks. */
static void drain(struct serve *s)
{
	if (atomic_load(&s->draining) && !s->listener_count)
		return;
	atomic_store(&s->draining, true);
	door_close(s);
	atomic_store(&s->slot->accepting, false);
	core_wake_all(s);
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

static void on_trap(struct uwsgi_watch *watch, unsigned events)
{
	struct serve *s = watch->data;
	(void)events;
	for (int signum; (signum = trap_next());) {
		switch (signum) {
		case SIGUSR1:
			continue;
		case SIGTSTP: /* paused or resumed: every core looks */
			core_wake_all(s);
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
	core_wake_all(s);
}

/* ---- when cores are stuck ---- */

/* A core in place of all that are stuck: what the loop does for clients goes on, what needs the application not. */
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

int worker_end_watch(struct serve *s)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGTSTP, 0 };
	static struct uwsgi_watch trap = { .fn = on_trap }, life = { .fn = on_orphaned }; /* one worker a process */
	s->wake_source.fn = on_wake;
	s->on_late = on_late;
	s->on_worn = on_worn;
	trap.data = life.data = s;
	int failed = trap_open(signals);
	trap.fd = trap_fd();
	life.fd = s->kernel->life_fd;
	if (!failed)
		failed = uwsgi_loop_add(s->loop, &trap, UWSGI_READ);
	if (!failed && life.fd != -1)
		failed = uwsgi_loop_add(s->loop, &life, UWSGI_READ);
	return failed;
}
