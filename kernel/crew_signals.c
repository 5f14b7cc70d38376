/* crew_signals.c - the signal bus and the sources of each generation, from its begin to its end. */
#include "crew.h"
#include "handover.h"
#include "signal_bus.h"
#include "signal_group.h"
#include "source_option.h"
#include "sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/log.h>

static int raise_for(void *data, uint8_t number)
{
	struct generation *g = data;
	return signal_bus_raise(g->bus, number, atomic_load(&g->crew->k->shared->workers));
}

/* The kind that serves comes first: it is who "" means, and of which some may be cheaped. */
static int list_kinds(struct crew *crew, struct signal_kind *kinds)
{
	const struct kernel *k = crew->k;
	int count = 0;
	for (int serves = 1; serves >= 0; serves--)
		for (int i = 0; i < proc_kinds(k->table); i++) {
			const struct uwsgi_kind *kind = proc_kind_at(k->table, i);
			if (kind->flags & UWSGI_KIND_FROM_MASTER || !(kind->flags & UWSGI_KIND_SERVES) != !serves)
				continue;
			snprintf(kinds[count].name, sizeof kinds->name, "%s", kind->name);
			kinds[count++].count = kind->count();
		}
	const struct signal_group *group;
	for (int i = 0; (group = signal_groups_at(k->groups, i)); i++) {
		snprintf(kinds[count].name, sizeof kinds->name, "%s", group->name);
		snprintf(kinds[count].also, sizeof kinds->also, "%s", group->also ? group->also : "");
		kinds[count++].is_group = true;
	}
	return count;
}

static int make_sources(struct crew *crew, struct generation *g)
{
	g->sources = sources_create(crew->k->loop, g->number, &crew->k->shared->cron_minute, raise_for, g);
	return g->sources ? 0 : -ENOMEM;
}

void crew_signals_add(struct generation *g, const struct uwsgi_source *source, const struct source_loader *loader)
{
	int failed = sources_add(g->sources, source, loader);
	if (failed)
		uwsgi_log("uwsgi: signal %d: what was to raise it is not possible: %s\n", source->number,
			  strerror(-failed));
}

void crew_signals_close(struct crew *crew, struct generation *g)
{
	sources_destroy(&g->sources);
	signal_bus_destroy(&g->bus, crew->k->handover);
}

static struct signal_bus *make_bus(struct crew *crew, const struct generation *g, struct handover *handover)
{
	int room = PROC_KINDS_MAX + signal_groups_count(crew->k->groups);
	struct signal_kind *kinds = calloc((size_t)room, sizeof *kinds);
	struct signal_bus *bus = kinds ? signal_bus_create(handover, g->number, kinds, list_kinds(crew, kinds)) : NULL;
	free(kinds);
	return bus;
}

int crew_signals_open(struct crew *crew, struct generation *g)
{
	g->bus = make_bus(crew, g, crew->k->handover);
	if (!g->bus || make_sources(crew, g)) {
		crew_signals_close(crew, g);
		return -ENOMEM;
	}
	const struct uwsgi_source *source;
	for (size_t i = 0; (source = source_option_at(i)); i++)
		crew_signals_add(g, source, NULL);
	return 0;
}

int crew_signals_claim(struct crew *crew, struct generation *g)
{
	g->bus = signal_bus_claim(crew->k->handover, g->number);
	if (!g->bus) {
		/* another version of the server may have made it; its processes go on with it among themselves */
		uwsgi_log("uwsgi: the signals of generation %u cannot be taken over: what the master raises for it is "
			  "lost until the next generation answers\n",
			  g->number);
		g->bus = make_bus(crew, g, NULL);
	}
	if (!g->bus || make_sources(crew, g))
		return -ENOMEM;
	sources_claim(g->sources, crew->k->handover);
	if (g->serving && !g->retiring)
		sources_start(g->sources);
	return 0;
}
