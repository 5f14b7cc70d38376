/* reqlog.c - the request log: a ring a process, one write a batch. */
#include "reqlog.h"

#include "handover.h"
#include "log.h"
#include "log_pipe.h"
#include "logformat.h"
#include "memory.h"
#include "request.h"
#include "util.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

/* How many lines may leave in one write: where pieces keep their bounds, or writers share a pipe, lines stay whole. */
enum unit { UNIT_ANY, UNIT_LINES, UNIT_LINE };

struct reqlog {
	struct ring *ring;
	enum unit unit;
	bool tagged; /* lines begin with the id of their request and a tab */
	pthread_mutex_t lock;
	_Atomic uint64_t first_ms; /* when the oldest waiting line came; 0: none */
	struct logformat *format;  /* NULL: nothing is added, only flushed */
	int pid, worker;
};

struct reqlog_rings *reqlog_create(struct handover *handover, int slots)
{
	struct reqlog_rings *all = calloc(1, sizeof *all);
	if (!all)
		return NULL;
	all->count = slots;
	all->rings = handover_memory(handover, "request log", (size_t)slots * sizeof(struct ring));
	if (all->rings)
		return all;
	free(all);
	return NULL;
}

static enum unit unit_of(int fd)
{
	struct stat st;
	int type;
	socklen_t size = sizeof type;
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		return UNIT_LINES;
	bool datagrams = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
	return datagrams ? UNIT_LINE : UNIT_ANY;
}

struct reqlog *reqlog_open(struct reqlog_rings *all, int slot)
{
	assert(slot >= 0 && slot < all->count);
	struct reqlog *log = calloc(1, sizeof *log);
	if (!log)
		return NULL;
	log->ring = &all->rings[slot];
	log->pid = getpid();
	log->tagged = log_pipe_takes_requests();
	log->unit = log->tagged ? UNIT_LINES : unit_of(STDERR_FILENO);
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
	if (log->tagged) {
		logline_add(line, req->id.p, req->id.n);
		logline_add(line, "\t", 1);
	}
	logformat_render(log->format, line, &facts);
}

/* ---- the ring ---- */

/* Bytes of the next write, from position `from` of the ring; `copy` has room for what has to be in one piece. */
static size_t next_piece(const struct reqlog *log, uint64_t from, uint64_t to, const char **piece_r, char *copy)
{
	const struct ring *r = log->ring;
	size_t at = from % RING_SIZE, n = (size_t)(to - from), straight = MIN_OF(n, RING_SIZE - at);
	*piece_r = r->bytes + at;
	if (log->unit == UNIT_ANY)
		return straight;
	n = MIN_OF(n, LOGLINE_MAX);
	if (straight < n) {
		memcpy(copy, r->bytes + at, straight);
		memcpy(copy + straight, r->bytes, n - straight);
		*piece_r = copy;
	}
	const char *end = log->unit == UNIT_LINE ? memchr(*piece_r, '\n', n) : memrchr(*piece_r, '\n', n);
	return end ? (size_t)(end - *piece_r) + 1 : n;
}

static void flush_locked(struct reqlog *log)
{
	struct ring *r = log->ring;
	char copy[LOGLINE_MAX];
	uint64_t from = atomic_load(&r->written), to = atomic_load(&r->filled);
	while (from < to) {
		const char *piece;
		size_t n = next_piece(log, from, to, &piece, copy);
		if (log->tagged)
			log_pipe_put_requests(piece, n);
		else
			log_write_all(STDERR_FILENO, piece, n);
		from += n;
		atomic_store(&r->written, from);
	}
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
	l.len = 0;
	pthread_mutex_lock(&log->lock);
	render(log, &l, req, took_us, total);
	append(log, &l);
	pthread_mutex_unlock(&log->lock);
}
