/* reqlog.c - the request log: formatting by hand, a ring a process, one write a batch. */
#include "reqlog.h"

#include "handover.h"
#include "log.h"
#include "request.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RING_SIZE 32768u
#define LINE_MAX_BYTES 4096u
#define FLUSH_AFTER_MS 100
#define FIELD_MAX 1024

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
	time_t date_at;		   /* the second `date` is of */
	char date[32];
	size_t date_len;
	int pid;
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

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

static void add(struct line *l, const char *p, size_t n)
{
	size_t room = sizeof l->text - 1 - l->len;
	n = n < room ? n : room;
	memcpy(l->text + l->len, p, n);
	l->len += n;
}
#define ADD(l, literal) add(l, literal, sizeof literal - 1)

static void add_number(struct line *l, uint64_t n)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	add(l, digits + at, sizeof digits - at);
}

/* What the client sent, with control bytes made harmless. */
static void add_field(struct line *l, struct uwsgi_str s)
{
	size_t from = l->len;
	add(l, s.p ? s.p : "", s.n < FIELD_MAX ? s.n : FIELD_MAX);
	for (size_t i = from; i < l->len; i++)
		if ((unsigned char)l->text[i] < ' ' || l->text[i] == 127)
			l->text[i] = '?';
}

static void add_date(struct reqlog *log, struct line *l, time_t now)
{
	if (now != log->date_at) {
		struct tm tm;
		localtime_r(&now, &tm);
		log->date_len = strftime(log->date, sizeof log->date, "%a %b %e %H:%M:%S %Y", &tm);
		log->date_at = now;
	}
	add(l, log->date, log->date_len);
}

static uint64_t vars_bytes(const struct uwsgi_request *pub)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < pub->nvars; i++)
		bytes += pub->vars[i].name.n + pub->vars[i].value.n + 4;
	return bytes;
}

static void format(struct reqlog *log, struct line *l, const struct request *req, uint64_t took_us, uint64_t total)
{
	const struct uwsgi_request *pub = &req->pub;
	const struct settings *s = req->core->serve->settings;
	struct uwsgi_str addr = s->log_x_forwarded_for ? uwsgi_request_known(pub, UWSGI_KEY_HTTP_X_FORWARDED_FOR)
						       : uwsgi_request_known(pub, UWSGI_KEY_REMOTE_ADDR);
	ADD(l, "[pid: ");
	add_number(l, (uint64_t)log->pid);
	if (req->failed)
		ADD(l, "|app: -1|req: -1/");
	else {
		ADD(l, "|app: 0|req: ");
		add_number(l, req->core->requests);
		ADD(l, "/");
	}
	add_number(l, total);
	ADD(l, "] ");
	add_field(l, addr.p ? addr : pub->remote_addr);
	ADD(l, " (");
	add_field(l, uwsgi_request_known(pub, UWSGI_KEY_REMOTE_USER));
	ADD(l, ") {");
	add_number(l, pub->nvars * 2);
	ADD(l, " vars in ");
	add_number(l, vars_bytes(pub));
	ADD(l, " bytes} [");
	add_date(log, l, (time_t)(pub->started_us / 1000000));
	ADD(l, "] ");
	add_field(l, uwsgi_request_known(pub, UWSGI_KEY_REQUEST_METHOD));
	ADD(l, " ");
	add_field(l, uwsgi_request_known(pub, UWSGI_KEY_REQUEST_URI));
	ADD(l, " => generated ");
	add_number(l, pub->body_size);
	ADD(l, " bytes in ");
	add_number(l, s->log_micros ? took_us : took_us / 1000);
	if (s->log_micros)
		ADD(l, " micros (");
	else
		ADD(l, " msecs (");
	add_field(l, uwsgi_request_known(pub, UWSGI_KEY_SERVER_PROTOCOL));
	ADD(l, " ");
	add_number(l, (uint64_t)pub->status);
	ADD(l, ") ");
	add_number(l, pub->header_count);
	ADD(l, " headers in ");
	add_number(l, pub->head_size);
	ADD(l, " bytes (1 switches on core ");
	add_number(l, (uint64_t)pub->core);
	ADD(l, ")");
	l->text[l->len++] = '\n';
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

static void append(struct reqlog *log, const struct line *l)
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
	       (s->log_big && req->pub.body_size >= (uint64_t)s->log_big);
}

void reqlog_request(struct reqlog *log, const struct request *req, uint64_t took_us, uint64_t total)
{
	struct line l;
	l.len = 0;
	pthread_mutex_lock(&log->lock);
	format(log, &l, req, took_us, total);
	append(log, &l);
	pthread_mutex_unlock(&log->lock);
}
