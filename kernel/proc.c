/* proc.c - the process table: kinds, slots, states. */
#include "proc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/shm.h>

#define NEVER (-1)
#define STATES (UWSGI_PROC_STOPPING + 1)

struct proc_table {
	const struct uwsgi_kind *kinds[PROC_KINDS_MAX];
	int kind_count;
	int slot_count;
	struct proc_shared {
		_Atomic uint64_t retired_requests;
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

struct proc_table *proc_table_create(int slots)
{
	struct proc_table *table = calloc(1, sizeof *table);
	if (!table)
		return NULL;
	table->shared = uwsgi_shm_alloc(sizeof *table->shared + (size_t)slots * sizeof(struct proc_slot));
	if (!table->shared) {
		free(table);
		return NULL;
	}
	table->slot_count = slots;
	return table;
}

int proc_table_size(const struct proc_table *table)
{
	return table->slot_count;
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

int proc_kind_add(struct proc_table *table, const struct uwsgi_kind *kind)
{
	if (table->kind_count == PROC_KINDS_MAX)
		return -ENOSPC;
	table->kinds[table->kind_count] = kind;
	return table->kind_count++;
}

const struct uwsgi_kind *proc_kind_at(const struct proc_table *table, int kind)
{
	assert(kind >= 0 && kind < table->kind_count);
	return table->kinds[kind];
}

int proc_kind_find(const struct proc_table *table, const char *name)
{
	for (int i = 0; i < table->kind_count; i++)
		if (!strcmp(table->kinds[i]->name, name))
			return i;
	return -ENOENT;
}

int proc_kinds(const struct proc_table *table)
{
	return table->kind_count;
}

struct proc_slot *proc_slot_take(struct proc_table *table, int kind, int number, unsigned generation,
				 const struct proc_slot *before)
{
	struct proc_slot *slot = NULL;
	for (int i = 0; i < table->slot_count && !slot; i++)
		if (atomic_load(&table->shared->slots[i].state) == UWSGI_PROC_FREE)
			slot = &table->shared->slots[i];
	if (!slot)
		return NULL;
	struct proc_slot fresh = { .kind = kind, .number = number, .generation = generation };
	if (before) {
		fresh.requests = before->requests;
		fresh.exceptions = before->exceptions;
		fresh.harakiris = before->harakiris;
		for (int i = 0; i < PROC_TIMEOUTS; i++)
			fresh.timeouts[i] = before->timeouts[i];
		fresh.running_us = before->running_us;
		fresh.tx_bytes = before->tx_bytes;
		fresh.respawns = before->respawns + 1;
		fresh.crashes = before->crashes;
	}
	memcpy(slot, &fresh, sizeof fresh);
	return slot;
}

struct proc_slot *proc_slot_find(struct proc_table *table, int kind, int number)
{
	struct proc_slot *best = NULL;
	for (int i = 0; i < table->slot_count; i++) {
		struct proc_slot *slot = &table->shared->slots[i];
		if (atomic_load(&slot->state) == UWSGI_PROC_FREE || slot->kind != kind || slot->number != number)
			continue;
		if (!best || slot->generation > best->generation)
			best = slot;
	}
	return best;
}

struct proc_slot *proc_slot_by_pid(struct proc_table *table, pid_t pid)
{
	for (int i = 0; i < table->slot_count; i++) {
		struct proc_slot *slot = &table->shared->slots[i];
		if (atomic_load(&slot->state) != UWSGI_PROC_FREE && atomic_load(&slot->pid) == pid)
			return slot;
	}
	return NULL;
}

void proc_info(const struct proc_table *table, const struct proc_slot *slot, struct uwsgi_proc_info *info_r)
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
	for (int i = 0; i < table->slot_count; i++) {
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
