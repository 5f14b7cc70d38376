/* signal_queue.c - see signal_queue.h.
 *
 * A cell is position << 16 | full << 15 | number.  It is put from "empty, for position p" to "full, of p" by one
 * compare and swap, and taken from there to "empty, for p + size" by another.  head and tail only say where to look:
 * whoever finds that a cell is further than they say moves them on. */
#include "signal_queue.h"

#define FULL ((uint64_t)1 << 15)

static uint64_t empty_for(uint64_t position)
{
	return position << 16;
}

static uint64_t full_of(uint64_t position, uint8_t number)
{
	return position << 16 | FULL | number;
}

static uint64_t position_of(uint64_t cell)
{
	return cell >> 16;
}

static void move_on(_Atomic uint64_t *index, uint64_t from)
{
	atomic_compare_exchange_strong(index, &from, from + 1);
}

void signal_queue_init(struct signal_queue *q)
{
	for (uint64_t i = 0; i < SIGNAL_QUEUE_SIZE; i++)
		atomic_store(&q->cells[i], empty_for(i));
	atomic_store(&q->head, 0);
	atomic_store(&q->tail, 0);
}

bool signal_queue_put(struct signal_queue *q, uint8_t number)
{
	for (;;) {
		uint64_t at = atomic_load(&q->head);
		_Atomic uint64_t *cell = &q->cells[at % SIGNAL_QUEUE_SIZE];
		uint64_t seen = atomic_load(cell);
		if (seen == empty_for(at)) {
			if (atomic_compare_exchange_strong(cell, &seen, full_of(at, number))) {
				move_on(&q->head, at);
				return true;
			}
		} else if (position_of(seen) >= at) {
			move_on(&q->head, at); /* filled by one who did not come to say so, or emptied already */
		} else if (atomic_load(&q->head) == at) {
			return false; /* still full of the turn before */
		}
	}
}

int signal_queue_take(struct signal_queue *q)
{
	for (;;) {
		uint64_t at = atomic_load(&q->tail);
		_Atomic uint64_t *cell = &q->cells[at % SIGNAL_QUEUE_SIZE];
		uint64_t seen = atomic_load(cell);
		if (position_of(seen) == at && seen & FULL) {
			if (atomic_compare_exchange_strong(cell, &seen, empty_for(at + SIGNAL_QUEUE_SIZE))) {
				move_on(&q->tail, at);
				return (int)(seen & 0xff);
			}
		} else if (position_of(seen) > at) {
			move_on(&q->tail, at);
		} else if (atomic_load(&q->tail) == at) {
			return -1;
		}
	}
}

bool signal_queue_is_empty(const struct signal_queue *q)
{
	uint64_t at = atomic_load(&q->tail);
	uint64_t seen = atomic_load(&q->cells[at % SIGNAL_QUEUE_SIZE]);
	return position_of(seen) == at && !(seen & FULL);
}

unsigned signal_queue_length(const struct signal_queue *q)
{
	/* in this order, so that it is never less than nothing */
	uint64_t tail = atomic_load(&q->tail), head = atomic_load(&q->head);
	uint64_t length = head > tail ? head - tail : 0;
	return length < SIGNAL_QUEUE_SIZE ? (unsigned)length : SIGNAL_QUEUE_SIZE;
}
