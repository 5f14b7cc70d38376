/* crew.c - the living: who is up, who is ordered, told to end, and what they say.  How they are made to end is
 * in crew_end.c, their deaths are in crew_death.c. */
#include "crew.h"

#include "child.h"
#include "hook.h"
#include "loop.h"
#include "settings.h"
#include "sources.h"
#include "trap.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <uwsgi/log.h>

static const struct uwsgi_kind *kind_of(struct crew *crew, const struct proc_slot *slot)
{
	return proc_kind_at(crew->k->table, slot->kind);
}

static bool from_master(struct crew *crew, int kind)
{
	return proc_kind_at(crew->k->table, kind)->flags & UWSGI_KIND_FROM_MASTER;
}

bool crew_is_single(struct crew *crew, int kind)
{
	return proc_kind_at(crew->k->table, kind)->flags & UWSGI_KIND_SINGLE;
}

/* ---- the living ---- */

int crew_each(struct crew *crew, unsigned generation, void (*fn)(struct crew *crew, struct proc_slot *slot, int arg),
	      int arg)
{
	int count = 0;
	for (int i = 0; i < proc_table_size(crew->k->table); i++) {
		struct proc_slot *slot = proc_slot_at(crew->k->table, i);
		if (atomic_load(&slot->state) == UWSGI_PROC_FREE || (generation && slot->generation != generation))
			continue;
		count++;
		if (fn)
			fn(crew, slot, arg);
	}
	return count;
}

int crew_wanted(const struct crew *crew, int kind)
{
	const struct uwsgi_kind *row = proc_kind_at(crew->k->table, kind);
	int count = row->count();
	return row->flags & UWSGI_KIND_SERVES && crew->workers < count ? crew->workers : count;
}

struct proc_slot *crew_find(struct crew *crew, int kind, int number, unsigned generation)
{
	for (int i = 0; i < proc_table_size(crew->k->table); i++) {
		struct proc_slot *slot = proc_slot_at(crew->k->table, i);
		if (proc_is_up(slot) && !slot->leaving && slot->kind == kind && slot->number == number &&
		    slot->generation == generation)
			return slot;
	}
	return NULL;
}

/* ---- starting ---- */

static int visit_child(uwsgi_hook_fn *fn, void *data)
{
	(void)data;
	((uwsgi_hook_master *)fn)();
	return 0;
}

static void close_masters_own(struct crew *crew)
{
	hook_each(crew->k->hooks, UWSGI_HOOK_MASTER_CHILD, visit_child, NULL);
	for (int i = 0; i < GENERATIONS; i++)
		if (crew->generations[i].number && crew->generations[i].sources)
			sources_close_inherited(crew->generations[i].sources);
	for (int i = 0; i < crew->own_count; i++)
		close(crew->own_fds[i]);
	loop_destroy(&crew->k->loop);
}

static void close_lines(struct crew *crew, const struct generation *but)
{
	for (int i = 0; i < GENERATIONS; i++) {
		struct generation *g = &crew->generations[i];
		if (!g->number || g->watch.fd == -1)
			continue;
		if (g != but) {
			close(g->child_fd);
			close(g->watch.fd);
		}
	}
}

static void fork_direct(struct crew *crew, struct generation *g, struct proc_slot *slot)
{
	struct kernel *k = crew->k;
	trap_hold();
	pid_t pid = fork();
	if (pid == 0) {
		close_masters_own(crew);
		close_lines(crew, g);
		if (g->watch.fd != -1)
			close(g->watch.fd);
		k->control_fd = g->child_fd;
		child_main(k, slot);
	}
	int error = errno;
	trap_release();
	if (pid == -1)
		crew_not_forked(crew, slot, error);
	else
		atomic_store(&slot->pid, pid);
}

void crew_start(struct crew *crew, int kind, int number, struct generation *g, struct proc_slot *before, bool replace)
{
	struct kernel *k = crew->k;
	struct proc_slot *slot = proc_slot_take(k->table, kind, number, g->number, before);
	if (!slot) {
		uwsgi_log("uwsgi: the process table is full; %s %d stays down until others have ended\n",
			  proc_kind_at(k->table, kind)->name, number);
		return;
	}
	slot->spawned_ms = uwsgi_now_ms();
	proc_event(slot, PROC_EV_FORK);
	if (from_master(crew, kind)) {
		fork_direct(crew, g, slot);
	} else if (generation_order(g, proc_slot_index(k->table, slot))) {
		proc_retire(k->table, slot); /* its zygote is gone: the next one is told what is missing */
		return;
	}
	if (replace)
		before->leaving = true;
}

void crew_start_missing(struct crew *crew, struct generation *g)
{
	if (crew->ending)
		return; /* an application that was loaded too late */
	for (int kind = 0; kind < proc_kinds(crew->k->table); kind++) {
		int count = crew_wanted(crew, kind);
		if (g->chained && !g->serving && proc_kind_at(crew->k->table, kind)->flags & UWSGI_KIND_SERVES)
			continue; /* link by link, see takeover.c */
		for (int number = 1; number <= count; number++)
			if (crew_is_single(crew, kind) ? !proc_slot_find(crew->k->table, kind, number)
						       : !crew_find(crew, kind, number, g->number))
				crew_start(crew, kind, number, g, NULL, false);
	}
}

void crew_replace(struct crew *crew, struct proc_slot *slot)
{
	struct generation *g = crew_generation(crew, slot->generation);
	if (crew->ending || !g || g->retiring || slot->leaving || !proc_is_up(slot))
		return;
	if (crew_is_single(crew, slot->kind))
		crew_stop(crew, slot, SIGTERM);
	else
		crew_start(crew, slot->kind, slot->number, g, slot, true);
}

/* ---- news ---- */

static void log_spawned(struct crew *crew, const struct proc_slot *slot)
{
	const struct uwsgi_kind *kind = kind_of(crew, slot);
	bool serves = kind->flags & UWSGI_KIND_SERVES;
	if (slot->respawns && serves)
		uwsgi_log("Respawned uWSGI %s %d (new pid: %d)\n", kind->name, slot->number, (int)slot->pid);
	else if (serves)
		uwsgi_log("spawned uWSGI %s %d (pid: %d, cores: %d)\n", kind->name, slot->number, (int)slot->pid,
			  crew->k->settings->threads);
	else
		uwsgi_log("spawned uWSGI %s %d (pid: %d)\n", kind->name, slot->number, (int)slot->pid);
}

/* It serves now, and whom it replaces may go. */
static void handle_ready(struct crew *crew, struct generation *g, const struct proc_slot *slot)
{
	if (atomic_load(&slot->state) != UWSGI_PROC_IDLE)
		return; /* its process was told to end since, or died, and the slot is already another's */
	log_spawned(crew, slot);
	sources_loaded(g->sources, &(struct source_loader){ proc_place(slot), slot->pid });
	for (int i = 0; i < proc_table_size(crew->k->table); i++) {
		struct proc_slot *old = proc_slot_at(crew->k->table, i);
		if (old != slot && proc_is_up(old) && old->leaving && old->kind == slot->kind &&
		    old->number == slot->number && old->generation == slot->generation)
			crew_stop(crew, old, SIGTERM);
	}
}

static void handle_message(struct crew *crew, struct generation *g, const struct message *msg)
{
	struct kernel *k = crew->k;
	struct proc_slot *slot = NULL;
	if (msg->kind != MESSAGE_LOADED && msg->kind != MESSAGE_SOURCE)
		slot = proc_slot_at(k->table, msg->value);
	if (slot && (slot->generation != g->number || atomic_load(&slot->state) == UWSGI_PROC_FREE))
		return; /* its process has ended meanwhile */
	switch ((enum message_kind)msg->kind) {
	case MESSAGE_LOADED:
		g->loaded = true;
		sources_loaded(g->sources, &(struct source_loader){ ZYGOTE_PLACE, g->zygote });
		crew_start_missing(crew, g);
		break;
	case MESSAGE_READY:
		handle_ready(crew, g, slot);
		break;
	case MESSAGE_NOT_FORKED:
		crew_bury(crew, slot, 1 << 8);
		break;
	case MESSAGE_REPLACE:
		crew_replace(crew, slot);
		break;
	case MESSAGE_SOURCE:
		crew_signals_add(g, &msg->source,
				 msg->loader ? &(struct source_loader){ msg->value, msg->loader } : NULL);
		return;
	case MESSAGE_ACCEPTING:
		break;
	}
	crew->changed(crew, g);
}

static void on_message(struct uwsgi_watch *watch, unsigned events)
{
	struct generation *g = watch->data;
	struct message msg;
	(void)events;
	while (generation_receive(g->crew->k, g, &msg))
		handle_message(g->crew, g, &msg);
}

/* ---- generations ---- */

void crew_init(struct crew *crew, struct kernel *k)
{
	*crew = (struct crew){ .k = k, .workers = INT32_MAX };
}

void crew_own_fd(struct crew *crew, int fd)
{
	assert(crew->own_count < OWN_FDS_MAX);
	crew->own_fds[crew->own_count++] = fd;
}

struct generation *crew_generation(struct crew *crew, unsigned number)
{
	for (int i = 0; i < GENERATIONS; i++)
		if (number && crew->generations[i].number == number)
			return &crew->generations[i];
	return NULL;
}

struct generation *crew_serving(struct crew *crew)
{
	struct generation *best = NULL;
	for (int i = 0; i < GENERATIONS; i++) {
		struct generation *g = &crew->generations[i];
		if (g->number && g->serving && !g->retiring && (!best || g->number > best->number))
			best = g;
	}
	return best;
}

bool crew_has_room(const struct crew *crew)
{
	for (int i = 0; i < GENERATIONS; i++)
		if (!crew->generations[i].number)
			return true;
	return false;
}

struct generation *crew_coming(struct crew *crew)
{
	for (int i = 0; i < GENERATIONS; i++) {
		struct generation *g = &crew->generations[i];
		if (g->number && !g->serving && !g->retiring)
			return g;
	}
	return NULL;
}

int crew_zygotes(const struct crew *crew)
{
	int left = 0;
	for (int i = 0; i < GENERATIONS; i++)
		left += crew->generations[i].number && crew->generations[i].zygote > 0;
	return left;
}

static void in_zygote(void *data)
{
	struct generation *g = data;
	close_masters_own(g->crew);
	close_lines(g->crew, g);
}

int crew_start_zygote(struct crew *crew, struct generation *g)
{
	g->loaded = false;
	g->zygote_ms = uwsgi_now_ms();
	return generation_fork_zygote(crew->k, g, in_zygote, g);
}

static bool needs_zygote(struct crew *crew)
{
	for (int kind = 0; kind < proc_kinds(crew->k->table); kind++)
		if (!from_master(crew, kind) && proc_kind_at(crew->k->table, kind)->count() > 0)
			return true;
	return false;
}

/* Nothing of a server without an application waits to be loaded. */
static void load_nothing(struct crew *crew, struct generation *g)
{
	atomic_store(&crew->k->shared->loaded_generation, g->number);
	g->loaded = true;
	crew_start_missing(crew, g);
	crew->changed(crew, g);
}

int crew_begin(struct crew *crew, struct generation **g_r)
{
	struct generation *g = NULL;
	for (int i = 0; i < GENERATIONS && !g; i++)
		if (!crew->generations[i].number)
			g = &crew->generations[i];
	if (!g)
		return -EBUSY;
	*g = (struct generation){ .crew = crew, .watch.fd = -1, .child_fd = -1 };
	int failed = generation_open(crew->k, g, on_message);
	if (failed)
		return failed;
	g->number = ++crew->newest;
	g->needs_zygote = needs_zygote(crew);
	failed = crew_signals_open(crew, g);
	if (failed) {
		generation_close(crew->k, g);
		g->number = 0;
		return failed;
	}
	*g_r = g;
	if (!g->needs_zygote) {
		load_nothing(crew, g);
		return 0;
	}
	failed = crew_start_zygote(crew, g);
	if (failed) {
		generation_close(crew->k, g);
		crew_signals_close(crew, g);
		g->number = 0;
	}
	return failed;
}

void crew_forget(struct crew *crew)
{
	for (int i = 0; i < GENERATIONS; i++) {
		struct generation *g = &crew->generations[i];
		if (g->number && g->retiring && g->zygote == 0 && crew_each(crew, g->number, NULL, 0) == 0) {
			crew_signals_close(crew, g);
			g->number = 0;
		}
	}
}

int crew_keep(struct crew *crew)
{
	int failed = 0;
	for (int i = 0; i < GENERATIONS && !failed; i++)
		if (crew->generations[i].number) {
			failed = generation_keep(crew->k, &crew->generations[i]);
			if (!failed)
				failed = sources_keep(crew->generations[i].sources, crew->k->handover);
		}
	return failed;
}

void crew_drop_kept(struct crew *crew)
{
	for (int i = 0; i < GENERATIONS; i++)
		if (crew->generations[i].number)
			generation_drop_kept(crew->k, &crew->generations[i]);
}

int crew_claim(struct crew *crew)
{
	int count = 0;
	while (count < GENERATIONS && generation_claim(crew->k, &crew->generations[count], on_message)) {
		struct generation *g = &crew->generations[count++];
		g->crew = crew;
		if (crew_signals_claim(crew, g))
			return -ENOMEM;
		if (g->number > crew->newest)
			crew->newest = g->number;
		if (g->retiring)
			crew_close_line(crew, g);
		else if (g->needs_zygote && !g->zygote)
			crew_zygote_later(crew, g, 0);
	}
	crew_mercy(crew);
	return 0;
}
