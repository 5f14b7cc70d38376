/* signal_queue.h - a bounded queue of small numbers in shared memory, for any number of writers and readers.
 *
 * No locks: whoever is killed at any moment, in the middle of a put or a take, holds up nobody.  Each cell carries the
 * position it is meant for, so that a writer or reader that slept through a whole turn of the ring cannot act on it. */
#ifndef KERNEL_SIGNAL_QUEUE_H
#define KERNEL_SIGNAL_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SIGNAL_QUEUE_SIZE 1024u /* a power of two */

struct signal_queue {
	_Atomic uint64_t head; /* next position to fill; may lag behind for a moment */
	_Atomic uint64_t tail; /* next position to empty; likewise */
	_Atomic uint64_t cells[SIGNAL_QUEUE_SIZE];
};

/* Empty it.  Nobody may use it meanwhile. */
void signal_queue_init(struct signal_queue *q);
/* False: it is full. */
bool signal_queue_put(struct signal_queue *q, uint8_t number);
/* The oldest number, or -1: it is empty. */
int signal_queue_take(struct signal_queue *q);
bool signal_queue_is_empty(const struct signal_queue *q);
/* How many numbers are in it, or were a moment ago. */
unsigned signal_queue_length(const struct signal_queue *q);

#endif
