/* spooler_turn.h - one task's turn: opened, given to the program, and what follows done. */
#ifndef SPOOLER_TURN_H
#define SPOOLER_TURN_H

#include "spool_dir.h"
#include "spool_hand.h"
#include "spool_job.h"
#include "spool_queue.h"

struct spool_figures;
struct spooler;
struct spooler_options;

/* What a process needs for all of them. */
struct spooler_turn {
	const struct spooler *spooler;
	const struct spooler_options *options;
	struct spool_dir *dir;
	struct spool_figures *figures; /* this process' */
	struct spool_hand *hand;       /* NULL: what is in hand is not noted */
	struct spool_job job;
	int pid; /* of this process */
};

#define SPOOLER_SAY(spooler, format, ...)                                                                              \
	uwsgi_log("[spooler %s pid: %d] " format "\n", (spooler)->path, (int)getpid(), __VA_ARGS__)

/* The directory is open: account for tasks of processes that died, and begin to note what is in hand.  0, or a negative
 * errno: deaths of this process will not be counted against its tasks. */
int spooler_turn_begin(struct spooler_turn *turn);
void spooler_turn_end(struct spooler_turn *turn);

struct spooler_turned {
	bool ran;    /* the program had it */
	bool stays;  /* it is to be looked at again ... */
	int64_t due; /* ... then */
};
/* Run the task when it is its time. */
struct spooler_turned spooler_turn_take(struct spooler_turn *turn, struct spool_entry *entry);

#endif
