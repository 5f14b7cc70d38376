/* proc.c - the process table: kinds, slots, states. */
#include "proc.h"

#include "handover.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER (-1)
#define STATES (UWSGI_PROC_STOPPING + 1)

#define NAME_SIZE 16

struct proc_table {
	const struct uwsgi_kind *kinds[PROC_KINDS_MAX]; /* NULL: known by name only */
	struct uwsgi_kind strangers[PROC_KINDS_MAX];	/* for those */
	int slot_count;
	bool inherited;
	struct proc_shared {
		bool made;
		_Atomic int used; /* no slot from here on was ever taken */
		_Atomic uint64_t retired_requests;
		char kind_names[PROC_KINDS_MAX][NAME_SIZE];
		struct proc_slot slots[];
	} * shared;
};

/* clang-format off */
static const signed char transition[STATES][PROC_EVENTS] = {
	/*                        FORK                 READY                STOP                 EXIT */
	[UWSGI_PROC_FREE]     = { UWSGI_PROC_STARTING, NEVER,               NEVER,               NEVER },
	[UWSGI_PROC_STARTING] = { NEVER,               UWSGI_PROC_IDLE,     UWSGI_PROC_STOPPING, UWSGI_PROC_FREE },
	[UWSGI_PROC_IDLE]     = { NEVER,               UWSGI_PROC_IDLE,     UWSGI_PROC_STOPPING, UWSGI_PROC_FREE },
	[UWSGI_PROC_BUSY]     = { NEVER,               NEVER,               NEVER,               NEVER }, /* see proc_info */
	[UWSGI_PROC_STOPPING] = { NEVER,               UWSGI_PROC_STOPPING, UWSGI_PROC_STOPPING, UWSGI_PROC_FREE },
};
/* clang-format on */

enum uwsgi_proc_state proc_next_state(enum uwsgi_proc_state state, enum proc_event event)
{
	assert((unsigned)state < STATES && (unsigned)event < PROC_EVENTS);
	int next = transition[state][event];
	assert(next != NEVER);
	return (enum uwsgi_proc_state)next;
}

void proc_event(struct proc_slot *slot, enum proc_event event)
{
	int state = atomic_load(&slot->state);
	while (!atomic_compare_exchange_weak(&slot->state, &state,
					     (int)proc_next_state((enum uwsgi_proc_state)state, event)))
		;
}

bool proc_is_up(const struct proc_slot *slot)
{
	int state = atomic_load(&slot->state);
	return state == UWSGI_PROC_STARTING || state == UWSGI_PROC_IDLE;
}

int proc_place(const struct proc_slot *slot)
{
	return slot->kind + slot->number * PROC_KINDS_MAX;
}

struct proc_table *proc_table_create(struct handover *handover, int slots)
{
	struct proc_table *table = calloc(1, sizeof *table);
	if (!table)
		return NULL;
	table->shared = handover_memory(handover, "processes",
					sizeof *table->shared + (size_t)slots * sizeof(struct proc_slot));
	if (!table->shared) {
		free(table);
		return NULL;
	}
	table->inherited = table->shared->made;
	table->shared->made = true;
	table->slot_count = slots;
	return table;
}

bool proc_table_inherited(const struct proc_table *table)
{
	return table->inherited;
}

int proc_table_size(const struct proc_table *table)
{
	return atomic_load_explicit(&table->shared->used, memory_order_relaxed);
}

struct proc_slot *proc_slot_at(struct proc_table *table, int index)
{
	assert(index >= 0 && index < table->slot_count);
	return &table->shared->slots[index];
}

int proc_slot_index(const struct proc_table *table, const struct proc_slot *slot)
{
	return (int)(slot - table->shared->slots);
}

static int count_none(void)
{
	return 0;
}

int proc_kind_find(const struct proc_table *table, const char *name)
{
	for (int i = 0; i < proc_kinds(table); i++)
		if (!strncmp(table->shared->kind_names[i], name, NAME_SIZE - 1))
			return i;
	return -ENOENT;
}

int proc_kind_add(struct proc_table *table, const struct uwsgi_kind *kind)
{
	int index = proc_kind_find(table, kind->name);
	if (index < 0)
		index = proc_kinds(table);
	if (index == PROC_KINDS_MAX)
		return -ENOSPC;
	snprintf(table->shared->kind_names[index], NAME_SIZE, "%s", kind->name);
	table->kinds[index] = kind;
	return index;
}

const struct uwsgi_kind *proc_kind_at(struct proc_table *table, int kind)
{
	assert(kind >= 0 && kind < proc_kinds(table));
	if (table->kinds[kind])
		return table->kinds[kind];
	struct uwsgi_kind *stranger = &table->strangers[kind];
	stranger->name = table->shared->kind_names[kind];
	stranger->count = count_none;
	return stranger;
}

int proc_kinds(const struct proc_table *table)
{
	int count = 0;
	while (count < PROC_KINDS_MAX && table->shared->kind_names[count][0])
		count++;
	return count;
}

struct proc_slot *proc_slot_take(struct proc_table *table, int kind, int number, unsigned generation,
				 const struct proc_slot *before)
{
	struct proc_slot *slot = NULL;
	int used = proc_table_size(table);
	for (int i = 0; i < used && !slot; i++)
		if (atomic_load(&table->shared->slots[i].state) == UWSGI_PROC_FREE)
			slot = &table->shared->slots[i];
	if (!slot && used == table->slot_count)
		return NULL;
	if (!slot)
		slot = &table->shared->slots[used];
	struct proc_slot fresh = { .kind = kind, .number = number, .generation = generation };
	if (before) {
		fresh.requests = before->requests;
		fresh.exceptions = before->exceptions;
		fresh.harakiris = before->harakiris;
		fresh.signals = before->signals;
		fresh.signal_failures = before->signal_failures;
		fresh.last_signal_us = before->last_signal_us;
		for (int i = 0; i < PROC_TIMEOUTS; i++)
			fresh.timeouts[i] = before->timeouts[i];
		fresh.running_us = before->running_us;
		fresh.tx_bytes = before->tx_bytes;
		fresh.respawns = before->respawns + 1;
		fresh.crashes = before->crashes;
	}
	memcpy(slot, &fresh, sizeof fresh);
	if (proc_slot_index(table, slot) == used)
		atomic_store(&table->shared->used, used + 1);
	return slot;
}

/* Of two processes of one number the one that serves, and will serve longer. */
static bool is_better(const struct proc_slot *a, const struct proc_slot *b)
{
	bool ready = atomic_load(&a->state) == UWSGI_PROC_IDLE;
	if (ready != (atomic_load(&b->state) == UWSGI_PROC_IDLE))
		return ready;
	return a->generation != b->generation ? a->generation > b->generation : a->spawned_ms > b->spawned_ms;
}

struct proc_slot *proc_slot_find(struct proc_table *table, int kind, int number)
{
	struct proc_slot *best = NULL;
	for (int i = 0; i < proc_table_size(table); i++) {
		struct proc_slot *slot = &table->shared->slots[i];
		if (atomic_load(&slot->state) == UWSGI_PROC_FREE || slot->kind != kind || slot->number != number)
			continue;
		if (!best || is_better(slot, best))
			best = slot;
	}
	return best;
}

struct proc_slot *proc_slot_by_pid(struct proc_table *table, pid_t pid)
{
	for (int i = 0; i < proc_table_size(table); i++) {
		struct proc_slot *slot = &table->shared->slots[i];
		if (atomic_load(&slot->state) != UWSGI_PROC_FREE && atomic_load(&slot->pid) == pid)
			return slot;
	}
	return NULL;
}

void proc_info(struct proc_table *table, const struct proc_slot *slot, struct uwsgi_proc_info *info_r)
{
	int state = atomic_load(&slot->state);
	*info_r = (struct uwsgi_proc_info){
		.kind = proc_kind_at(table, slot->kind)->name,
		.number = slot->number,
		.pid = slot->pid,
		.generation = slot->generation,
		.state = state == UWSGI_PROC_IDLE && slot->busy_cores > 0 ? UWSGI_PROC_BUSY
									  : (enum uwsgi_proc_state)state,
		.accepting = slot->accepting,
		.requests = slot->requests,
		.delta_requests = slot->delta_requests,
		.exceptions = slot->exceptions,
		.respawns = slot->respawns,
		.signals = slot->signals,
		.signal_failures = slot->signal_failures,
		.last_signal_us = slot->last_signal_us,
		.harakiris = slot->harakiris,
		.running_us = slot->running_us,
		.tx_bytes = slot->tx_bytes,
		.last_spawn_us = slot->last_spawn_us,
		.avg_us = slot->requests ? slot->running_us / slot->requests : 0,
		.rss_bytes = slot->rss_bytes,
		.vsz_bytes = slot->vsz_bytes,
		.head_timeouts = slot->timeouts[PROC_TIMEOUT_HEAD],
		.body_timeouts = slot->timeouts[PROC_TIMEOUT_BODY],
		.send_timeouts = slot->timeouts[PROC_TIMEOUT_SEND],
		.idle_timeouts = slot->timeouts[PROC_TIMEOUT_IDLE],
	};
}

uint64_t proc_total_requests(struct proc_table *table)
{
	uint64_t total = atomic_load_explicit(&table->shared->retired_requests, memory_order_relaxed);
	for (int i = 0; i < proc_table_size(table); i++) {
		struct proc_slot *slot = &table->shared->slots[i];
		if (atomic_load_explicit(&slot->state, memory_order_relaxed) != UWSGI_PROC_FREE)
			total += atomic_load_explicit(&slot->delta_requests, memory_order_relaxed);
	}
	return total;
}

void proc_retire(struct proc_table *table, struct proc_slot *slot)
{
	table->shared->retired_requests += slot->delta_requests;
	atomic_store(&slot->pid, 0);
	proc_event(slot, PROC_EV_EXIT);
}
