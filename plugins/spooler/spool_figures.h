/* spool_figures.h - what each process of a spooler has done; all processes see it, and it lives on over reloads. */
#ifndef SPOOL_FIGURES_H
#define SPOOL_FIGURES_H

#include <stdatomic.h>

#include "spool_policy.h"

/* Of one number: a process adds to what those before it have done. */
struct spool_figures {
	_Atomic uint64_t runs;	       /* of tasks, by the program */
	_Atomic uint64_t done, failed; /* of these; the others asked for another, or one is in hand */
	_Atomic int64_t last, next; /* seconds of the epoch: when a task began, when one is looked at again; 0: none */
	_Atomic int running;	    /* the process that has a task in hand; 0: none has */
};

/* [main] One for each process; another number of processes begins from nothing.  NULL: no shared memory. */
struct spool_figures *spool_figures_create(const char *path, int processes);

/* `pid` is the caller's. */
void spool_figures_begin(struct spool_figures *figures, int pid, int64_t now);
void spool_figures_end(struct spool_figures *figures, int pid, enum spool_outcome outcome);
/* A process begins: one that died before it has nothing in hand any more.  That counts as no end. */
void spool_figures_settle(struct spool_figures *figures);

/* All of a spooler together: sums, the latest `last`, the earliest `next`, how many run. */
struct spool_totals {
	uint64_t runs, done, failed;
	int64_t last, next;
	int running;
};
struct spool_totals spool_figures_total(struct spool_figures *figures, int processes);

#endif
