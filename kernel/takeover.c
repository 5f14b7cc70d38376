/* takeover.c - all at once: every process of the new generation starts, and when the last is ready the old ones end.
 * In a chain: one worker at a time, its predecessor ends when it accepts, and only then the next one starts. */
#include "takeover.h"

#include "hook.h"
#include "sources.h"

#include <signal.h>
#include <uwsgi/hook.h>
#include <uwsgi/log.h>

static bool serves(struct crew *crew, int kind)
{
	return proc_kind_at(crew->k->table, kind)->flags & UWSGI_KIND_SERVES;
}

/* One that accepts is followed by one that accepts; a script may never say that it does. */
static bool predecessor_accepts(struct crew *crew, int kind, int number, const struct generation *g)
{
	for (int i = 0; i < proc_table_size(crew->k->table); i++) {
		const struct proc_slot *slot = proc_slot_at(crew->k->table, i);
		if (proc_is_up(slot) && slot->kind == kind && slot->number == number && slot->generation < g->number &&
		    atomic_load(&slot->accepting))
			return true;
	}
	return false;
}

static bool is_ready(struct crew *crew, int kind, int number, const struct generation *g)
{
	const struct proc_slot *slot = crew_find(crew, kind, number, g->number);
	if (!slot && crew_is_single(crew, kind))
		return true; /* its predecessor has to end first */
	if (!slot && !serves(crew, kind) && crew_comes_back(crew, kind, number, g->number))
		return true; /* it was ready; that it dies again and again is said, and holds up nobody */
	if (!slot || atomic_load(&slot->state) == UWSGI_PROC_STARTING)
		return false;
	bool waits = serves(crew, kind) && (g->chained || predecessor_accepts(crew, kind, number, g));
	return !waits || atomic_load(&slot->accepting);
}

static bool all_ready(struct crew *crew, const struct generation *g)
{
	for (int kind = 0; kind < proc_kinds(crew->k->table); kind++)
		for (int number = 1; number <= crew_wanted(crew, kind); number++)
			if (!is_ready(crew, kind, number, g))
				return false;
	return true;
}

static void stop_older(struct crew *crew, int kind, int number, const struct generation *g)
{
	for (int i = 0; i < proc_table_size(crew->k->table); i++) {
		struct proc_slot *slot = proc_slot_at(crew->k->table, i);
		if (proc_is_up(slot) && slot->kind == kind && slot->number == number && slot->generation < g->number)
			crew_stop(crew, slot, SIGTERM);
	}
}

/* The next link of the chain of one kind.  One that dies on the way comes back by itself, or ends it all. */
static void chain_on(struct crew *crew, int kind, struct generation *g)
{
	for (int number = 1; number <= crew_wanted(crew, kind); number++) {
		if (number > g->chain_at) {
			uwsgi_log("chain next victim is worker %d\n", number);
			g->chain_at = number;
			crew_start(crew, kind, number, g, NULL, false);
		}
		if (!is_ready(crew, kind, number, g))
			return;
		stop_older(crew, kind, number, g);
	}
}

/* There is one kind that serves, the worker. */
static void chain(struct crew *crew, struct generation *g)
{
	for (int kind = 0; kind < proc_kinds(crew->k->table); kind++)
		if (serves(crew, kind))
			chain_on(crew, kind, g);
}

static int visit_generation(uwsgi_hook_fn *fn, void *data)
{
	((uwsgi_hook_generation *)fn)(((const struct generation *)data)->number);
	return 0;
}

static void retire_older(struct crew *crew, const struct generation *g)
{
	for (int i = 0; i < GENERATIONS; i++) {
		struct generation *old = &crew->generations[i];
		if (!old->number || old->number >= g->number || old->retiring)
			continue;
		uwsgi_log("uwsgi: generation %u answers; generation %u %s\n", g->number, old->number,
			  g->brutal ? "ends at once" : "finishes its requests");
		crew_retire(crew, old, g->brutal);
	}
}

enum takeover takeover_check(struct crew *crew, struct generation *g)
{
	if (g->serving || g->retiring || !g->loaded)
		return TAKEOVER_WAITS;
	if (g->chained)
		chain(crew, g);
	if (!all_ready(crew, g))
		return TAKEOVER_WAITS;
	g->serving = true;
	sources_start(g->sources);
	hook_each(crew->k->hooks, UWSGI_HOOK_GENERATION_READY, visit_generation, g);
	if (g->chained)
		uwsgi_log("chain reloading complete\n");
	retire_older(crew, g);
	return TAKEOVER_DONE;
}

void takeover_abandon(struct crew *crew, struct generation *g)
{
	crew_retire(crew, g, true);
	struct generation *old = crew_serving(crew);
	if (old)
		crew_start_missing(crew, old);
}
