/* reqlog.c - the request log: a ring a process, one write a batch. */
#include "reqlog.h"

#include "log.h"
#include "logformat.h"
#include "memory.h"
#include "request.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uwsgi/shm.h>

#define RING_SIZE 32768u
#define FLUSH_AFTER_MS 100

/* Positions only grow; bytes [written, filled) wait.  filled is moved after the bytes are in place, so that whoever
 * finds the ring after a crash finds whole lines. */
struct ring {
	_Atomic uint64_t filled, written;
	char bytes[RING_SIZE];
};

struct reqlog_rings {
	int count;
	struct ring *rings;
};

struct reqlog {
	struct ring *ring;
	pthread_mutex_t lock;
	_Atomic uint64_t first_ms; /* when the oldest waiting line came; 0: none */
	struct logformat *format;  /* NULL: nothing is added, only flushed */
	int pid, worker;
};

struct reqlog_rings *reqlog_create(int slots)
{
	struct reqlog_rings *all = calloc(1, sizeof *all);
	if (!all)
		return NULL;
	all->count = slots;
	all->rings = uwsgi_shm_alloc((size_t)slots * sizeof(struct ring));
	if (all->rings)
		return all;
	free(all);
	return NULL;
}

struct reqlog *reqlog_open(struct reqlog_rings *all, int slot)
{
	assert(slot >= 0 && slot < all->count);
	struct reqlog *log = calloc(1, sizeof *log);
	if (!log)
		return NULL;
	log->ring = &all->rings[slot];
	log->pid = getpid();
	pthread_mutex_init(&log->lock, NULL);
	return log;
}

/* ---- a line ---- */

int reqlog_format(struct reqlog *log, const struct settings *settings, int worker)
{
	log->format =
		settings->log_format ? logformat_compile(settings->log_format, settings) : logformat_default(settings);
	log->worker = worker;
	return log->format ? 0 : -ENOMEM;
}

static void render(struct reqlog *log, struct logline *line, const struct request *req, uint64_t took_us,
		   uint64_t total)
{
	const struct core *core = req->core;
	struct logfacts facts = {
		.req = &req->pub,
		.settings = core->serve->settings,
		.took_us = took_us,
		.number = core->requests,
		.total = total,
		.failed = req->failed,
		.sent_file = req->sent_file,
		.unread = req->body_status,
		.request_id = req->id,
		.pid = log->pid,
		.worker = log->worker,
	};
	if (logformat_wants_memory(log->format) && memory_read(&facts.vsz, &facts.rss) == 0) {
		atomic_store(&core->serve->slot->vsz_bytes, facts.vsz);
		atomic_store(&core->serve->slot->rss_bytes, facts.rss);
	}
	logformat_render(log->format, line, &facts);
}

/* ---- the ring ---- */

static void flush_locked(struct reqlog *log)
{
	struct ring *r = log->ring;
	uint64_t from = atomic_load(&r->written), to = atomic_load(&r->filled);
	while (from < to) {
		size_t at = from % RING_SIZE, n = (size_t)(to - from);
		if (n > RING_SIZE - at)
			n = RING_SIZE - at;
		log_write_all(STDERR_FILENO, r->bytes + at, n);
		from += n;
	}
	atomic_store(&r->written, to);
	atomic_store(&log->first_ms, 0);
}

static void append(struct reqlog *log, const struct logline *l)
{
	struct ring *r = log->ring;
	if (atomic_load(&r->filled) - atomic_load(&r->written) + l->len > RING_SIZE)
		flush_locked(log);
	uint64_t to = atomic_load(&r->filled);
	size_t at = to % RING_SIZE, first = l->len < RING_SIZE - at ? l->len : RING_SIZE - at;
	memcpy(r->bytes + at, l->text, first);
	memcpy(r->bytes, l->text + first, l->len - first);
	atomic_store(&r->filled, to + l->len);
	if (!atomic_load(&log->first_ms))
		atomic_store(&log->first_ms, uwsgi_now_ms());
}

void reqlog_flush(struct reqlog *log)
{
	pthread_mutex_lock(&log->lock);
	flush_locked(log);
	pthread_mutex_unlock(&log->lock);
}

int reqlog_timeout(const struct reqlog *log, uint64_t now_ms)
{
	uint64_t first = atomic_load(&log->first_ms);
	if (!first)
		return -1;
	return now_ms >= first + FLUSH_AFTER_MS ? 0 : (int)(first + FLUSH_AFTER_MS - now_ms);
}

bool reqlog_wants(const struct request *req, uint64_t took_us)
{
	const struct settings *s = req->core->serve->settings;
	int status = req->pub.status;
	if (!s->disable_logging || req->log_always)
		return true;
	return (s->log_4xx && status >= 400 && status < 500) || (s->log_5xx && status >= 500) ||
	       (s->log_zero && !req->pub.body_size) || (s->log_slow && took_us / 1000 >= (uint64_t)s->log_slow) ||
	       (s->log_big && req->pub.body_size >= (uint64_t)s->log_big) || (s->log_sendfile && req->sent_file) ||
	       (s->log_ioerror && (req->pub.broken || req->body_status));
}

void reqlog_request(struct reqlog *log, const struct request *req, uint64_t took_us, uint64_t total)
{
	struct logline l;
	pthread_mutex_lock(&log->lock);
	render(log, &l, req, took_us, total);
	append(log, &l);
	pthread_mutex_unlock(&log->lock);
}
