/* input.c - the bytes of a connection, and the requests that are complete in them.
 *
 * Bytes are read into the core's scratch buffer and a request that is complete in it runs right there.  Only what is
 * incomplete is copied to the connection, so a connection between two requests costs its struct and nothing else, and
 * a slow client costs memory, never a core. */
#include "input.h"

#include "answer.h"
#include "body.h"
#include "conn.h"
#include "patience.h"
#include "request.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define TURN_REQUESTS 32 /* pipelined requests of one connection before others get their turn */

/* The scratch buffer, or what the connection kept plus what was read now. */
struct input {
	char *p;
	size_t len;
};

/* Read once.  1: `in` has bytes, all there were when it is `drained`; 0: there are none now; -1: the client is gone. */
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
	if (n == -1 && errno == EAGAIN)
		return 0;
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
	uint64_t left = most > spent ? most - spent : 1, stall = (uint64_t)s->settings->socket_timeout * 1000;
	conn_set_phase(s, c, CONN_BODY, left < stall ? left : stall);
}

/* Does the first line end within so many bytes?  When a head is too large, its line or its fields are to blame. */
static bool has_line(const struct input *in, size_t limit)
{
	return memchr(in->p, '\n', in->len < limit ? in->len : limit);
}

/* Run every request that is complete in `in`.  Returns the bytes that are done with. */
static size_t serve(struct core *core, struct conn *c, struct input *in)
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
			answer_refuse(core, c, -head);
			return in->len;
		}
		req->pub.started_us = uwsgi_micros();
		int ready = collect_body(core, c, &rest, (size_t)head);
		in->len = at + rest.len;
		if (ready < 0) {
			answer_refuse(core, c, -ready);
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
			answer_refuse(core, c, 503);
			return in->len;
		}
		at += answer_run(core, c, rest.p + head, rest.len - (size_t)head);
	}
	return at;
}

/* Keep for the next read what serve left of `in`, and what a chunked body read ahead.  0 or -errno. */
static int keep_rest(struct core *core, struct conn *c, const struct input *in, size_t done)
{
	size_t max = (size_t)core->serve->settings->buffer_size + BODY_COLLECT + 2 * core->serve->read_size;
	struct buf *after = &core->req.after;
	int failed = 0;
	if (!c->in.p && !after->p && done == in->len) /* nearly always */
		return 0;
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

int input_serve(struct core *core, struct conn *c)
{
	struct input in;
	bool drained = false;
	int got = 1;
	if (c->in.len && c->phase == CONN_IDLE) /* pipelined bytes that were never looked at */
		in = (struct input){ c->in.p, c->in.len };
	else
		got = read_input(core, c, &in, &drained);
	if (got <= 0)
		return got;
	size_t done = serve(core, c, &in);
	return keep_rest(core, c, &in, done) ? -1 : !drained;
}
