/* message_queue.c - see message_queue.h: a ring of records under a lock that survives its owner.
 *
 * A record is what is before its bytes.  Those between tail and next are in hand or done, those between next and head
 * wait; after a recovery some of the latter may be in hand, too.  Each step is one store that leaves sense behind: a
 * process may be killed between any two. */
#include "message_queue.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uwsgi.h>

#define ALIGN 16u
#define TRIES_MAX 2

/* A multiple of ALIGN, so that none goes around the end of the ring. */
struct record {
	uint64_t len;
	_Atomic int32_t owner; /* 0: it waits; the pid of who has it in hand; or DONE */
	_Atomic uint32_t tries;
};
#define DONE (-1)

struct ring {
	_Atomic uint64_t head, next, tail; /* they only grow while there are records */
	_Atomic uint64_t put, taken, refused;
	_Alignas(ALIGN) char bytes[];
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

/* ---- the ring, which the caller has locked ---- */

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

static struct record *record_at(const struct message_queue *q, uint64_t at)
{
	return (struct record *)(q->ring->bytes + at % q->size);
}

static uint64_t record_size(uint64_t len)
{
	return sizeof(struct record) + (len + ALIGN - 1) / ALIGN * ALIGN;
}

static uint64_t behind(const struct message_queue *q, uint64_t at)
{
	return at + record_size(record_at(q, at)->len);
}

static size_t used(const struct ring *r)
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
	r->next = 0;
}

/* Free the places of those that are done. */
static void free_done(struct message_queue *q)
{
	struct ring *r = q->ring;
	while (used(r) && record_at(q, r->tail)->owner == DONE) {
		uint64_t to = behind(q, r->tail);
		if (r->next < to)
			r->next = to;
		r->tail = to;
	}
}

static int put_locked(struct message_queue *q, const void *message, uint64_t len)
{
	struct ring *r = q->ring;
	free_done(q);
	if (!used(r))
		begin_anew(r);
	uint64_t head = r->head;
	if (len > q->size || record_size(len) > q->size - used(r)) {
		r->refused++;
		return -EAGAIN;
	}
	*record_at(q, head) = (struct record){ .len = len };
	copy_in(q, head + sizeof(struct record), message, (size_t)len);
	r->head = head + record_size(len);
	r->put++;
	return 0;
}

static int take_locked(struct message_queue *q, struct message *message_r)
{
	struct ring *r = q->ring;
	for (uint64_t at; (at = r->next) < r->head; r->next = behind(q, at)) {
		struct record *record = record_at(q, at);
		if (record->owner)
			continue;
		struct message m = { malloc((size_t)record->len + 1), (size_t)record->len, at };
		if (!m.text)
			return -ENOMEM;
		copy_out(q, m.text, at + sizeof *record, m.len);
		m.text[m.len] = 0;
		*message_r = m;
		record->tries++;
		record->owner = getpid();
		r->next = behind(q, at);
		r->taken++;
		return 1;
	}
	return 0;
}

static bool is_alive(pid_t pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

/* Back to those that wait, or done with; true: the latter. */
static bool give_back(struct message_queue *q, uint64_t at)
{
	struct record *record = record_at(q, at);
	if (record->tries >= TRIES_MAX) {
		record->owner = DONE;
		return true;
	}
	if (q->ring->next > at)
		q->ring->next = at;
	record->owner = 0;
	return false;
}

/* ---- what others call ---- */

int message_queue_put(struct message_queue *q, const void *message, size_t len)
{
	uwsgi_lock_take(q->lock);
	int failed = put_locked(q, message, len);
	uwsgi_lock_give(q->lock);
	if (!failed)
		wake(q);
	return failed;
}

int message_queue_take(struct message_queue *q, struct message *message_r)
{
	uint64_t wakes;
	(void)!read(q->wake, &wakes, sizeof wakes);
	uwsgi_lock_take(q->lock);
	int taken = take_locked(q, message_r);
	bool more = q->ring->next < q->ring->head;
	uwsgi_lock_give(q->lock);
	if (more && taken >= 0)
		wake(q);
	return taken;
}

void message_queue_done(struct message_queue *q, struct message *message)
{
	uwsgi_lock_take(q->lock);
	record_at(q, message->at)->owner = DONE;
	free_done(q);
	uwsgi_lock_give(q->lock);
	free(message->text);
	message->text = NULL;
}

int message_queue_recover(struct message_queue *q)
{
	int dropped = 0;
	uwsgi_lock_take(q->lock);
	const struct ring *r = q->ring;
	for (uint64_t at = r->tail; used(r) && at < r->head; at = behind(q, at)) {
		int32_t owner = record_at(q, at)->owner;
		if (owner > 0 && !is_alive(owner))
			dropped += give_back(q, at);
	}
	free_done(q);
	bool more = r->next < r->head;
	uwsgi_lock_give(q->lock);
	if (more)
		wake(q);
	return dropped;
}

void message_queue_get(const struct message_queue *q, struct message_queue_info *info_r)
{
	*info_r = (struct message_queue_info){ q->ring->put, q->ring->taken, q->ring->refused, used(q->ring) };
}
