/* accept.c - the accept loop: from a readable socket to an answered request.
 *
 * A connection belongs to the thread that took its event, from there to the end of the response: requests run to
 * completion on the thread that read them.  Events that arrive meanwhile only mark it; the owner looks again.
 *
 * Bytes are read into the core's scratch buffer and a request that is complete in it runs right there.  Only what is
 * incomplete is copied to the connection, so a connection between two requests costs its struct and nothing else, and
 * a slow client costs memory, never a core. */
#include "accept.h"

#include "address.h"
#include "body.h"
#include "conn.h"
#include "door.h"
#include "handed.h"
#include "harakiri.h"
#include "listen.h"
#include "patience.h"
#include "recycle.h"
#include "reqlog.h"
#include "request.h"
#include "request_id.h"
#include "response.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define TURN_REQUESTS 32       /* pipelined requests of one connection before others get their turn */
#define LINGER_TIMEOUT_MS 2000 /* RFC 9112 9.6: let the client read the answer before the reset */

/* The bytes a turn works on: the scratch buffer, or what the connection kept plus what was read now. */
struct input {
	char *p;
	size_t len;
};

static uint64_t progress_ms(const struct serve *s)
{
	return (uint64_t)s->settings->socket_timeout * 1000;
}

/* ---- one request ---- */

static void account(struct core *core, struct request *req)
{
	struct proc_slot *slot = core->serve->slot;
	uint64_t took = request_age_us(req);
	core->requests++;
	atomic_fetch_add_explicit(&slot->requests, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&slot->delta_requests, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&slot->running_us, took, memory_order_relaxed);
	atomic_fetch_add_explicit(&slot->tx_bytes, req->pub.body_size + req->pub.head_size, memory_order_relaxed);
	if (reqlog_wants(req, took))
		reqlog_request(core->serve->log, req, took, proc_total_requests(core->serve->table));
}

static void name_request(const struct core *core, struct request *req)
{
	if (core->serve->ids.header.n)
		request_id_give(&core->serve->ids, req);
}

/* Answer without the application: the message was refused.  The connection is closed afterwards. */
static void refuse(struct core *core, struct conn *c, int status)
{
	struct request *req = &core->req;
	if (!req->pub.http_version)
		req->pub.http_version = 11;
	if (!req->pub.started_us)
		req->pub.started_us = uwsgi_micros();
	name_request(core, req);
	uwsgi_response_error(&req->pub, status);
	account(core, req);
	c->closing = c->unread = true;
}

/* Run a complete request whose body begins with `len` bytes at `bytes`; returns how many of them it used. */
static size_t run(struct core *core, struct conn *c, char *bytes, size_t len)
{
	struct serve *s = core->serve;
	struct request *req = &core->req;
	struct uwsgi_request *pub = &req->pub;
	const struct uwsgi_plugin *plugin = s->handlers[pub->modifier1];
	if (!s->settings->keep_alive)
		pub->keep_alive = false;
	c->phase = CONN_RUN;
	atomic_store_explicit(&c->deadline, 0, memory_order_relaxed);
	size_t take = len;
	if (pub->body == UWSGI_BODY_LENGTH && (int64_t)take > pub->content_length)
		take = (size_t)pub->content_length;
	else if (pub->body == UWSGI_BODY_CHUNKED)
		take = c->decoded;
	else if (pub->body == UWSGI_BODY_NONE)
		take = 0;
	body_begin(req, bytes, take);
	name_request(core, req);
	atomic_fetch_add_explicit(&s->slot->busy_cores, 1, memory_order_relaxed);
	harakiri_begin(core);
	if (plugin) {
		request_set_current(req);
		plugin->request(pub);
		request_set_current(NULL);
	} else {
		uwsgi_log("-- unavailable modifier requested: %d --\n", pub->modifier1);
		uwsgi_response_error(pub, 500);
	}
	bool keep = response_finish(req);
	if (!harakiri_end(core))
		keep = false;
	atomic_fetch_sub_explicit(&s->slot->busy_cores, 1, memory_order_relaxed);
	account(core, req);
	c->requests++;
	/* a body nobody read: what is buffered is skipped, what is still on its way ends the connection */
	if (pub->body == UWSGI_BODY_CHUNKED ? !req->body_done : req->unread > (int64_t)req->ready)
		c->unread = true;
	if (!keep || c->unread)
		c->closing = true;
	c->seen = c->decoded = 0;
	c->continued = false;
	memset(c->decoder, 0, sizeof c->decoder);
	recycle_after_request(s);
	return take;
}

/* Decode what came of a chunked body behind `head` bytes.  1 complete, 0 more to come, -STATUS. */
static int collect_chunks(struct core *core, struct conn *c, struct input *in, size_t head)
{
	size_t used, out, from = head + c->decoded;
	int done = c->protocol->decode(c->decoder, in->p + from, in->len - from, &used, &out);
	if (done < 0)
		return done;
	memmove(in->p + from + out, in->p + from + used, in->len - from - used);
	in->len -= used - out;
	c->decoded += out;
	memcpy(core->req.decoder, c->decoder, sizeof c->decoder);
	core->req.body_done = done;
	int64_t limit = core->serve->settings->limit_post;
	if (limit && (int64_t)c->decoded > limit)
		return -413;
	return done;
}

/* Is enough of the body here to run?  1 yes, 0 no, -STATUS. */
static int collect_body(struct core *core, struct conn *c, struct input *in, size_t head)
{
	const struct uwsgi_request *pub = &core->req.pub;
	int64_t limit = core->serve->settings->limit_post;
	size_t have = in->len - head;
	if (pub->body == UWSGI_BODY_NONE)
		return 1;
	if (pub->body == UWSGI_BODY_CHUNKED) {
		int done = collect_chunks(core, c, in, head);
		return done ? done : c->decoded >= BODY_COLLECT;
	}
	if (limit && pub->content_length > limit)
		return -413;
	return (int64_t)have >= pub->content_length || have >= BODY_COLLECT;
}

/* Wait for the rest of a body of which `have` bytes are there: until the client stalls, or has been too slow. */
static void await_body(struct serve *s, struct conn *c, size_t have)
{
	uint64_t now = uwsgi_now_ms();
	if (c->phase != CONN_BODY)
		c->body_ms = now;
	uint64_t most = patience_body_ms(s->patience, have), spent = now - c->body_ms;
	uint64_t left = most > spent ? most - spent : 1;
	conn_set_phase(s, c, CONN_BODY, left < progress_ms(s) ? left : progress_ms(s));
}

/* Does the first line end within so many bytes?  When a head is too large, its line or its fields are to blame. */
static bool has_line(const struct input *in, size_t limit)
{
	return memchr(in->p, '\n', in->len < limit ? in->len : limit);
}

/* Run every request that is complete in `in`.  Returns the bytes that are done with. */
static size_t serve_input(struct core *core, struct conn *c, struct input *in)
{
	struct serve *s = core->serve;
	struct request *req = &core->req;
	size_t at = 0;
	for (int turn = 0; at < in->len && !c->closing && !conn_has_backlog(c); turn++) {
		if (turn == TURN_REQUESTS)
			return at;
		struct input rest = { in->p + at, in->len - at };
		request_reset(req, c);
		int head = c->protocol->parse(&req->pub, rest.p, rest.len, &c->seen);
		if (head == 0 && rest.len >= (size_t)s->settings->buffer_size)
			head = -431;
		if (head == 0) {
			if (c->phase != CONN_HEAD)
				conn_set_phase(s, c, CONN_HEAD, patience_head_ms(s->patience));
			return at;
		}
		if (head > s->settings->buffer_size)
			head = -431;
		if (head == -431 && !has_line(&rest, (size_t)s->settings->buffer_size))
			head = -414;
		if (head < 0) {
			refuse(core, c, -head);
			return in->len;
		}
		req->pub.started_us = uwsgi_micros();
		int ready = collect_body(core, c, &rest, (size_t)head);
		in->len = at + rest.len;
		if (ready < 0) {
			refuse(core, c, -ready);
			return in->len;
		}
		if (!ready) {
			if (req->pub.expect_continue && rest.len == (size_t)head)
				body_invite(s, c);
			c->seen = 0;
			await_body(s, c, rest.len - (size_t)head);
			return at;
		}
		at += (size_t)head;
		if (core->refuses) {
			refuse(core, c, 503);
			return in->len;
		}
		at += run(core, c, rest.p + head, rest.len - (size_t)head);
	}
	return at;
}

/* ---- one connection ---- */

/* Everything was sent: part with the client so that it can read what it got.  True when the connection is closed. */
static bool part(struct core *core, struct conn *c)
{
	char byte;
	assert(!conn_has_backlog(c));
	/* bytes nobody will read would turn the close into a reset that destroys the answer on its way */
	if (!c->unread && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 && errno == EAGAIN) {
		conn_close(core->serve, c);
		return true;
	}
	shutdown(c->fd, SHUT_WR);
	conn_watch(core->serve, c);
	conn_set_phase(core->serve, c, CONN_LINGER, LINGER_TIMEOUT_MS);
	return false;
}

/* Throw away what comes.  True when the connection is closed. */
static bool linger(struct core *core, struct conn *c)
{
	for (int i = 0; i < TURN_REQUESTS; i++) {
		ssize_t n = recv(c->fd, core->scratch, core->serve->read_size, MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			return false;
		if (n <= 0)
			break;
	}
	conn_close(core->serve, c);
	return true;
}

/* Read once.  1: `in` has bytes; 0: nothing there now; -1: the client is gone. */
static int read_input(struct core *core, struct conn *c, struct input *in, bool *drained)
{
	size_t size = core->serve->read_size, room = size;
	char *to = core->scratch;
	if (c->in.len) {
		size_t max = (size_t)core->serve->settings->buffer_size + BODY_COLLECT + size;
		room = size / 4;
		if (buf_reserve(&c->in, room, max))
			return -1;
		to = c->in.p + c->in.len;
	}
	ssize_t n;
	do
		n = recv(c->fd, to, room, 0);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN) {
		*drained = true;
		return 0;
	}
	if (n <= 0)
		return -1;
	*drained = (size_t)n < room && !atomic_load_explicit(&c->hung_up, memory_order_relaxed);
	if (c->in.len) {
		c->in.len += (size_t)n;
		*in = (struct input){ c->in.p, c->in.len };
	} else {
		*in = (struct input){ core->scratch, (size_t)n };
	}
	return 1;
}

/* Keep for the next read what serve_input left of `in`, and what a chunked body read ahead.  0 or -errno. */
static int keep_rest(struct core *core, struct conn *c, const struct input *in, size_t done)
{
	size_t max = (size_t)core->serve->settings->buffer_size + BODY_COLLECT + 2 * core->serve->read_size;
	struct buf *after = &core->req.after;
	int failed = 0;
	if (in->p == c->in.p) {
		c->in.len = in->len;
		buf_consume(&c->in, done);
	} else {
		failed = buf_append(&c->in, in->p + done, in->len - done, max);
	}
	if (!failed && after->len)
		failed = buf_append(&c->in, after->p, after->len, max);
	buf_free(after);
	if (!c->in.len && c->in.p)
		buf_free(&c->in);
	return failed;
}

/* Go on with what a slow client has not taken.  1: it did not take all, 0: it did, or -errno. */
static int send_backlog(struct serve *s, struct conn *c)
{
	int64_t before = (int64_t)c->out.len + c->file_left;
	int left = conn_flush(c);
	if (left < 0)
		return left;
	if (!left) {
		c->phase = CONN_IDLE;
		return 0;
	}
	/* bytes it sends are no progress: it would never be given up */
	if (c->phase != CONN_SEND || (int64_t)c->out.len + c->file_left < before)
		conn_set_phase(s, c, CONN_SEND, progress_ms(s));
	int failed = conn_watch(s, c);
	return failed ? failed : 1;
}

static void put_aside(struct core *core, struct conn *c)
{
	c->next = core->again;
	core->again = c;
}

/* Work on a connection as far as it goes now.  False when it was closed or put aside: do not touch it again. */
static bool work(struct core *core, struct conn *c)
{
	struct serve *s = core->serve;
	if (core->refuses && handed_give(s, c))
		return false;
	for (;;) {
		if (c->phase == CONN_LINGER)
			return !linger(core, c);
		if (conn_has_backlog(c)) {
			int left = send_backlog(s, c);
			if (left < 0) {
				conn_close(s, c);
				return false;
			}
			if (left)
				return true;
		}
		if (c->closing) {
			if (part(core, c))
				return false;
			continue;
		}
		struct input in = { c->in.p, c->in.len };
		bool drained = false;
		bool pending = c->in.len && c->phase == CONN_IDLE; /* pipelined bytes that were never looked at */
		int got = pending ? 1 : read_input(core, c, &in, &drained);
		if (got < 0) {
			conn_close(s, c);
			return false;
		}
		if (got) {
			size_t done = serve_input(core, c, &in);
			if (keep_rest(core, c, &in, done)) {
				conn_close(s, c);
				return false;
			}
			if (c->phase == CONN_RUN)
				c->phase = CONN_IDLE;
		}
		if (c->closing || conn_has_backlog(c))
			continue;
		if (c->phase == CONN_IDLE && c->in.len) { /* its turn is over */
			put_aside(core, c);
			return false;
		}
		if (!drained && got)
			continue;
		if (c->phase == CONN_IDLE) {
			if (atomic_load(&s->draining) && c->requests) {
				if (!handed_give(s, c))
					conn_close(s, c);
				return false;
			}
			conn_set_phase(s, c, CONN_IDLE,
				       c->requests ? (uint64_t)s->settings->keep_alive * 1000
						   : patience_head_ms(s->patience));
		}
		if (conn_watch(s, c)) {
			conn_close(s, c);
			return false;
		}
		return true;
	}
}

/* Let go, unless an event came meanwhile: then the connection is still ours. */
static bool release(struct conn *c)
{
	unsigned owned = CONN_OWNED;
	return atomic_compare_exchange_strong(&c->owner, &owned, 0);
}

static void own_and_work(struct core *core, struct conn *c)
{
	do
		atomic_fetch_and(&c->owner, ~CONN_PENDING);
	while (work(core, c) && !release(c));
}

void conn_continue(struct core *core, struct conn *c)
{
	own_and_work(core, c);
}

void conn_let_go(struct core *core, struct conn *c)
{
	if (!release(c))
		own_and_work(core, c);
}

void conn_event(struct source *source, uint32_t events, struct core *core)
{
	struct conn *c = (struct conn *)source;
	/* the rest work() finds out by trying; but that the end came together with bytes, no later event tells */
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		atomic_store_explicit(&c->hung_up, true, memory_order_relaxed);
	if (!(atomic_fetch_or(&c->owner, CONN_PENDING | CONN_OWNED) & CONN_OWNED))
		own_and_work(core, c);
}

static void set_peer(struct conn *c, const struct sockaddr_storage *peer)
{
	if (peer->ss_family != AF_INET && peer->ss_family != AF_INET6)
		return;
	address_host((const struct sockaddr *)peer, c->addr, sizeof c->addr);
	c->addr_len = (uint8_t)strlen(c->addr);
	c->port = (uint16_t)address_port((const struct sockaddr *)peer);
}

static void accept_failed(struct serve *s, const struct listener *l, int error)
{
	if (error == -EAGAIN || error == -EINTR || error == -ECONNABORTED)
		return;
	uwsgi_log("uwsgi: worker %d cannot accept on %s: %s; it tries again in a moment\n", s->slot->number,
		  l->socket->name, strerror(-error));
	pthread_mutex_lock(&s->loop_lock);
	door_pause(s);
	pthread_mutex_unlock(&s->loop_lock);
}

static void welcome(struct core *core, const struct listener *l, int fd, const struct sockaddr_storage *peer)
{
	struct conn *c = conn_open(core->serve, fd, l);
	if (!c) {
		close(fd);
		return;
	}
	set_peer(c, peer);
	c->phase = CONN_IDLE;
	own_and_work(core, c);
}

void accept_handed(struct source *source, uint32_t events, struct core *core)
{
	struct serve *s = core->serve;
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	int index;
	(void)source;
	(void)events;
	int fd = handed_take(s->handed, &index, &peer);
	if (fd >= 0)
		welcome(core, &s->listeners[index], fd, &peer);
}

void accept_event(struct source *source, uint32_t events, struct core *core)
{
	const struct listener *l = (const struct listener *)source;
	struct serve *s = core->serve;
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	(void)events;
	int fd = listen_accept(l->socket, &peer);
	if (fd < 0) {
		accept_failed(s, l, fd);
		return;
	}
	welcome(core, l, fd, &peer);
}
