/* spool_queue.h - the tasks a process knows of, in the order they are to run.  Pure: time is an argument.
 *
 * Directories of priority come first, the lowest number first; what has the same priority runs in the order it became
 * known, or in the order of names when the queue is ordered.  A task is known from add to forget, so that it is in the
 * queue once however often it is told. */
#ifndef SPOOL_QUEUE_H
#define SPOOL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_NEVER INT64_MAX

struct spool_entry {
	int64_t priority; /* INT64_MAX: none */
	int64_t due;	  /* seconds of the epoch, while it waits */
	unsigned looks;	  /* for its owner: how often it was not to be had */
	bool done;	  /* for its owner: it ran, and could not be removed */
	/* private */
	uint64_t order;
	struct spool_entry *next; /* of the same hash */
	char path[];		  /* below the directory of the spooler: NAME or PRIORITY/NAME */
};

struct spool_queue;
struct spool_queue *spool_queue_create(bool ordered); /* NULL: no memory */
void spool_queue_destroy(struct spool_queue **queue);

/* A task exists.  1: it was not known; 0: it was; -ENOMEM. */
int spool_queue_add(struct spool_queue *queue, const char *path);
/* The task to run now; it stays the queue's, and is given back with wait or forget.  NULL: none is due. */
struct spool_entry *spool_queue_take(struct spool_queue *queue, int64_t now);
void spool_queue_wait(struct spool_queue *queue, struct spool_entry *entry, int64_t due);
void spool_queue_forget(struct spool_queue *queue, struct spool_entry *entry);
/* When the next is due: 0 when one is ready, SPOOL_NEVER when nothing waits. */
int64_t spool_queue_next(const struct spool_queue *queue);
/* How many are known. */
size_t spool_queue_size(const struct spool_queue *queue);

#endif
