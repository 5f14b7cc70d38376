/* proc.h - the process table.
 *
 * One slot a process, in memory that all processes share.  The master is the only one that moves slots through
 * STARTING, STOPPING and FREE; a ready process is busy while busy_cores says so.  Counters are written by their process
 * alone. */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include <stdatomic.h>
#include <sys/types.h>
#include <uwsgi/proc.h>

#define PROC_KINDS_MAX 32

enum proc_event {
	PROC_EV_FORK,  /* a process was ordered for the slot */
	PROC_EV_READY, /* it says it is ready */
	PROC_EV_STOP,  /* it was told to end */
	PROC_EV_EXIT,  /* it ended */
	PROC_EVENTS,
};

/* What a client was too slow with. */
enum proc_timeout { PROC_TIMEOUT_HEAD, PROC_TIMEOUT_BODY, PROC_TIMEOUT_SEND, PROC_TIMEOUT_IDLE, PROC_TIMEOUTS };

struct proc_slot {
	_Atomic int state; /* enum uwsgi_proc_state */
	_Atomic pid_t pid;
	int kind;   /* index of its kind */
	int number; /* 1.. */
	unsigned generation;
	_Atomic bool accepting;
	uint64_t spawned_ms; /* monotonic, when it was ordered */
	uint64_t kill_ms;    /* monotonic, when it is killed; 0: it is not */
	bool leaving;	     /* it serves until its successor does */
	unsigned crashes;    /* young deaths in a row, see proc_policy */
	uint64_t respawns;
	uint64_t last_spawn_us;
	_Atomic uint64_t requests, delta_requests, exceptions, harakiris, running_us, tx_bytes, rss_bytes, vsz_bytes;
	_Atomic uint64_t timeouts[PROC_TIMEOUTS];
	_Atomic bool unwanted; /* somebody wants it replaced */
	_Atomic int busy_cores;
	_Atomic uint64_t signals, signal_failures; /* handled; those of them whose handler failed */
	_Atomic uint64_t last_signal_us;	   /* 0: never */
};

/* Is there a process, or one about to be? */
bool proc_is_up(const struct proc_slot *slot);

/* A number for the place of a process, at least 0 and the same for its successors: it is of that kind and number. */
int proc_place(const struct proc_slot *slot);

/* The next state; asserts that the event may happen in this state. */
enum uwsgi_proc_state proc_next_state(enum uwsgi_proc_state state, enum proc_event event);
/* Apply an event to a slot. */
void proc_event(struct proc_slot *slot, enum proc_event event);

struct proc_table;

/* A table for at most `slots` processes, or the one a former image of the master handed over; `handover` may be NULL.
 * NULL when memory is out. */
struct handover;
struct proc_table *proc_table_create(struct handover *handover, int slots);
/* Was it handed over? */
bool proc_table_inherited(const struct proc_table *table);
/* One more than the highest index that was ever in use: for loops over all processes. */
int proc_table_size(const struct proc_table *table);
struct proc_slot *proc_slot_at(struct proc_table *table, int index);
int proc_slot_index(const struct proc_table *table, const struct proc_slot *slot);

/* Register a kind; returns its index, or -ENOSPC.  A kind keeps its index over reloads.  One that the configuration had
 * before and has no more goes on as a name whose count is 0. */
int proc_kind_add(struct proc_table *table, const struct uwsgi_kind *kind);
const struct uwsgi_kind *proc_kind_at(struct proc_table *table, int kind);
int proc_kind_find(const struct proc_table *table, const char *name); /* -ENOENT */
int proc_kinds(const struct proc_table *table);

/* Take a free slot for process `number` of a kind; counters continue those of `before` (may be NULL). */
struct proc_slot *proc_slot_take(struct proc_table *table, int kind, int number, unsigned generation,
				 const struct proc_slot *before);
/* The live slot of a process: of several the one that is ready, then the newest.  NULL when there is none. */
struct proc_slot *proc_slot_find(struct proc_table *table, int kind, int number);
struct proc_slot *proc_slot_by_pid(struct proc_table *table, pid_t pid);

void proc_info(struct proc_table *table, const struct proc_slot *slot, struct uwsgi_proc_info *info_r);
/* Requests answered by all processes so far, ended ones included. */
uint64_t proc_total_requests(struct proc_table *table);
/* Keep the requests of a process whose slot is given up. */
void proc_retire(struct proc_table *table, struct proc_slot *slot);

#endif
