/* message_queue.c - see message_queue.h: a ring of records, a length and its bytes, under a lock that survives its
 * owner. */
#include "message_queue.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uwsgi.h>

#define ALIGN 8u

/* Something waits while the head is beyond the tail.  Positions only grow then; both are moved after the bytes, so that
 * a writer or a reader that is killed has either done its work or nothing. */
struct ring {
	_Atomic uint64_t head, tail;
	_Atomic uint64_t put, taken, refused;
	char bytes[];
};

struct message_queue {
	struct ring *ring;
	size_t size;
	struct uwsgi_lock *lock;
	int wake;
};

struct message_queue *message_queue_open(const char *name, size_t size)
{
	struct message_queue *q = calloc(1, sizeof *q);
	if (!q)
		return NULL;
	q->size = size / ALIGN * ALIGN;
	q->ring = uwsgi_shm_keep(name, sizeof *q->ring + q->size);
	q->lock = uwsgi_lock_create(name);
	q->wake = uwsgi_wake_keep(name);
	if (q->ring && q->lock && q->wake >= 0)
		return q;
	free(q);
	return NULL;
}

int message_queue_fd(const struct message_queue *q)
{
	return q->wake;
}

static void wake(const struct message_queue *q)
{
	uint64_t one = 1;
	(void)!write(q->wake, &one, sizeof one);
}

static void copy_in(struct message_queue *q, uint64_t to, const void *from, size_t n)
{
	size_t at = to % q->size, first = n < q->size - at ? n : q->size - at;
	memcpy(q->ring->bytes + at, from, first);
	memcpy(q->ring->bytes, (const char *)from + first, n - first);
}

static void copy_out(const struct message_queue *q, void *to, uint64_t from, size_t n)
{
	size_t at = from % q->size, first = n < q->size - at ? n : q->size - at;
	memcpy(to, q->ring->bytes + at, first);
	memcpy((char *)to + first, q->ring->bytes, n - first);
}

static size_t waiting(const struct ring *r)
{
	uint64_t tail = r->tail, head = r->head;
	return head > tail ? (size_t)(head - tail) : 0;
}

/* From the beginning: a queue that is emptied again and again stays small.  The head first: a queue whose writer dies
 * in between is empty. */
static void begin_anew(struct ring *r)
{
	r->head = 0;
	r->tail = 0;
}

static size_t record_size(uint64_t len)
{
	return sizeof len + (size_t)(len + ALIGN - 1) / ALIGN * ALIGN;
}

static int put_locked(struct message_queue *q, const void *message, uint64_t len)
{
	struct ring *r = q->ring;
	if (!waiting(r))
		begin_anew(r);
	uint64_t head = r->head;
	if (len > q->size || record_size(len) > q->size - waiting(r)) {
		r->refused++;
		return -EAGAIN;
	}
	copy_in(q, head, &len, sizeof len);
	copy_in(q, head + sizeof len, message, (size_t)len);
	r->head = head + record_size(len);
	r->put++;
	return 0;
}

int message_queue_put(struct message_queue *q, const void *message, size_t len)
{
	uwsgi_lock_take(q->lock);
	int failed = put_locked(q, message, len);
	uwsgi_lock_give(q->lock);
	if (!failed)
		wake(q);
	return failed;
}

static char *take_locked(struct message_queue *q, size_t *len_r)
{
	struct ring *r = q->ring;
	uint64_t len, tail = r->tail;
	if (!waiting(r))
		return NULL;
	copy_out(q, &len, tail, sizeof len);
	char *message = malloc((size_t)len + 1);
	if (!message)
		return NULL; /* it stays, for when there is memory */
	copy_out(q, message, tail + sizeof len, (size_t)len);
	message[len] = 0;
	*len_r = (size_t)len;
	r->tail = tail + record_size(len);
	r->taken++;
	return message;
}

char *message_queue_take(struct message_queue *q, size_t *len_r)
{
	uint64_t wakes;
	(void)!read(q->wake, &wakes, sizeof wakes);
	uwsgi_lock_take(q->lock);
	char *message = take_locked(q, len_r);
	bool more = waiting(q->ring);
	uwsgi_lock_give(q->lock);
	if (more)
		wake(q);
	return message;
}

void message_queue_get(const struct message_queue *q, struct message_queue_info *info_r)
{
	*info_r = (struct message_queue_info){ q->ring->put, q->ring->taken, q->ring->refused,
					       waiting(q->ring) };
}
