/* crew_end.c - how processes are made to end: told, given time, killed. */
#include "crew.h"
#include "settings.h"
#include "sources.h"

#include <signal.h>
#include <uwsgi/log.h>

#define FAST_STOP_MS 2000 /* for processes that were told to end at once */
#define DEFAULT_MERCY_MS 60000

static const struct uwsgi_kind *kind_of(struct crew *crew, const struct proc_slot *slot)
{
	return proc_kind_at(crew->k->table, slot->kind);
}

static uint64_t mercy_of(struct crew *crew, const struct proc_slot *slot)
{
	const struct settings *s = crew->k->settings;
	const struct uwsgi_kind *kind = kind_of(crew, slot);
	uint64_t ms = kind->stop_ms ? kind->stop_ms : DEFAULT_MERCY_MS;
	if (kind->mercy && *kind->mercy > 0)
		ms = (uint64_t)*kind->mercy * 1000;
	if (kind->flags & UWSGI_KIND_SERVES && s->worker_reload_mercy)
		ms = (uint64_t)s->worker_reload_mercy * 1000;
	if (s->reload_mercy && (uint64_t)s->reload_mercy * 1000 < ms)
		ms = (uint64_t)s->reload_mercy * 1000;
	return ms;
}

static void kill_late(struct crew *crew, struct proc_slot *slot, int arg)
{
	pid_t pid = atomic_load(&slot->pid);
	(void)arg;
	if (!slot->kill_ms || slot->kill_ms > uwsgi_now_ms())
		return;
	slot->kill_ms = pid > 0 ? 0 : uwsgi_now_ms() + FAST_STOP_MS; /* its zygote may yet fork it */
	if (pid <= 0)
		return;
	uwsgi_log("%s %d (pid: %d) is taking too much time to die...NO MERCY !!!\n", kind_of(crew, slot)->name,
		  slot->number, (int)pid);
	kill(pid, SIGKILL);
}

/* A zygote that was told to end has nothing to finish. */
static void kill_late_zygote(struct generation *g)
{
	if (!g->number || g->zygote <= 0 || !g->kill_ms || g->kill_ms > uwsgi_now_ms())
		return;
	g->kill_ms = 0;
	uwsgi_log("uwsgi: the zygote of generation %u (pid: %d) does not end by itself; it is killed\n", g->number,
		  (int)g->zygote);
	kill(g->zygote, SIGKILL);
}

static void on_mercy(struct uwsgi_timer *timer); /* each comes back to the other */

void crew_mercy(struct crew *crew)
{
	uint64_t now = uwsgi_now_ms(), first = UINT64_MAX;
	for (int i = 0; i < GENERATIONS; i++) {
		const struct generation *g = &crew->generations[i];
		if (g->number && g->zygote > 0 && g->kill_ms && g->kill_ms < first)
			first = g->kill_ms;
	}
	for (int i = 0; i < proc_table_size(crew->k->table); i++) {
		const struct proc_slot *slot = proc_slot_at(crew->k->table, i);
		if (atomic_load(&slot->state) == UWSGI_PROC_STOPPING && slot->kill_ms && slot->kill_ms < first)
			first = slot->kill_ms;
	}
	crew->mercy.fn = on_mercy;
	crew->mercy.data = crew;
	if (first == UINT64_MAX)
		uwsgi_loop_timer_stop(crew->k->loop, &crew->mercy);
	else
		uwsgi_loop_timer(crew->k->loop, &crew->mercy, first > now ? first - now : 0);
}

static void on_mercy(struct uwsgi_timer *timer)
{
	struct crew *crew = timer->data;
	crew_each(crew, 0, kill_late, 0);
	for (int i = 0; i < GENERATIONS; i++)
		kill_late_zygote(&crew->generations[i]);
	crew_mercy(crew);
}

void crew_stop(struct crew *crew, struct proc_slot *slot, int arg)
{
	bool fast = arg != SIGTERM && arg != SIGHUP;
	uint64_t kill_ms = uwsgi_now_ms() + (fast ? FAST_STOP_MS : mercy_of(crew, slot));
	pid_t pid = atomic_load(&slot->pid); /* still 0: child_main sees the state after it set the pid */
	proc_event(slot, PROC_EV_STOP);
	slot->leaving = true;
	if (!slot->kill_ms || kill_ms < slot->kill_ms)
		slot->kill_ms = kill_ms;
	if (pid > 0)
		kill(pid, arg);
	crew_mercy(crew);
}

void crew_close_line(struct crew *crew, struct generation *g)
{
	g->retiring = true;
	/* a loading zygote would not notice the closed line */
	if (!g->loaded && g->zygote > 0)
		kill(g->zygote, SIGKILL);
	generation_close(crew->k, g);
	if (g->sources) /* none when memory was out */
		sources_stop(g->sources);
	uwsgi_loop_timer_stop(crew->k->loop, &g->zygote_due);
	if (!g->kill_ms)
		g->kill_ms = uwsgi_now_ms() + FAST_STOP_MS;
	crew_mercy(crew);
}

void crew_retire(struct crew *crew, struct generation *g, bool fast)
{
	crew_close_line(crew, g);
	crew_each(crew, g->number, crew_stop, fast ? SIGINT : SIGTERM);
}
