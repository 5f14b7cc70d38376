/* body.c - reading a request's body: first what came with the head, then from the socket.
 *
 * What is asked for is received straight into the caller's memory.  Only a chunked body takes a detour, through a
 * buffer of the core, where its framing is taken out. */
#include "body.h"

#include "conn.h"
#include "patience.h"
#include "request.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int body_invite(struct serve *s, struct conn *c)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	if (c->continued)
		return 0;
	c->continued = true;
	return conn_send(s, c, &(struct iovec){ (void *)line, sizeof line - 1 }, 1);
}

void body_begin(struct request *req, char *bytes, size_t len)
{
	req->body = bytes;
	req->ready = len;
	req->unread = req->pub.body == UWSGI_BODY_LENGTH ? req->pub.content_length : 0;
}

bool body_finished(const struct request *req)
{
	if (req->pub.body == UWSGI_BODY_CHUNKED)
		return req->body_done && !req->ready;
	return req->unread == 0;
}

int64_t uwsgi_body_left(const struct uwsgi_request *pub)
{
	const struct request *req = (const struct request *)pub;
	if (pub->body != UWSGI_BODY_CHUNKED)
		return req->unread;
	return req->body_done ? (int64_t)req->ready : -1;
}

/* Wait for more: until the client has stalled, or has been too slow on the whole. */
static int await(struct request *req)
{
	const struct serve *s = req->core->serve;
	uint64_t most = patience_body_ms(s->patience, (uint64_t)req->received), before = uwsgi_now_ms();
	uint64_t stall = (uint64_t)s->settings->socket_timeout * 1000;
	uint64_t left = most > req->waited_ms ? most - req->waited_ms : 0;
	int failed = conn_wait(req->conn->fd, POLLIN, (int)(left < stall ? left : stall));
	req->waited_ms += (uint32_t)(uwsgi_now_ms() - before);
	return failed;
}

/* One read from the socket, waiting for it when nothing is there. */
static ssize_t receive(struct request *req, void *buf, size_t size)
{
	struct conn *c = req->conn;
	if (req->pub.broken)
		return -ECONNRESET;
	if (req->pub.expect_continue && !req->pub.headers_sent && body_invite(req->core->serve, c))
		return -ECONNRESET;
	for (;;) {
		ssize_t n = recv(c->fd, buf, size, 0);
		if (n > 0) {
			req->received += n;
			return n;
		}
		if (n == 0)
			return -ECONNRESET;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -ECONNRESET;
		int failed = await(req);
		if (failed)
			return failed;
	}
}

static size_t take_ready(struct request *req, char *buf, size_t max)
{
	size_t n = req->ready < max ? req->ready : max;
	memcpy(buf, req->body, n);
	req->body += n;
	req->ready -= n;
	return n;
}

static ssize_t read_length(struct request *req, char *buf, size_t min, size_t max)
{
	if ((int64_t)max > req->unread)
		max = (size_t)req->unread;
	if (min > max) /* less is left */
		min = max;
	size_t got = take_ready(req, buf, max);
	while (got < min) {
		ssize_t n = receive(req, buf + got, max - got);
		if (n < 0) {
			req->pub.keep_alive = false;
			return n;
		}
		got += (size_t)n;
	}
	req->unread -= (int64_t)got;
	return (ssize_t)got;
}

/* Read and decode more of a chunked body.  0, or a negative errno. */
static int refill(struct request *req)
{
	struct core *core = req->core;
	size_t used, out;
	/* not the scratch buffer: the head and its variables are in it */
	if (!core->chunks && !(core->chunks = malloc(core->serve->read_size)))
		return -ENOMEM;
	ssize_t n = receive(req, core->chunks, core->serve->read_size);
	if (n < 0)
		return (int)n;
	int done = req->pub.protocol->decode(req->decoder, core->chunks, (size_t)n, &used, &out);
	if (done < 0)
		return -EPROTO;
	req->body = core->chunks;
	req->ready = out;
	req->body_done = done;
	if (done && used < (size_t)n)
		return buf_append(&req->after, core->chunks + used, (size_t)n - used, core->serve->read_size);
	return 0;
}

static ssize_t read_chunked(struct request *req, char *buf, size_t min, size_t max)
{
	size_t got = 0;
	for (;;) {
		got += take_ready(req, buf + got, max - got);
		if (got >= min || req->body_done)
			break;
		int failed = refill(req);
		if (failed) {
			req->pub.keep_alive = false;
			return failed;
		}
	}
	req->unread += (int64_t)got; /* counts up: what was taken so far */
	int64_t limit = req->core->serve->settings->limit_post;
	return limit && req->unread > limit ? -EFBIG : (ssize_t)got;
}

/* What a client is told whose body could not be read. */
static int status_of(ssize_t error)
{
	switch (error) {
	case -EFBIG:
		return 413;
	case -EPROTO:
		return 400;
	case -ETIMEDOUT:
		return 408;
	default:
		return 0;
	}
}

ssize_t uwsgi_body_read(struct uwsgi_request *pub, void *buf, size_t min, size_t max)
{
	struct request *req = request_of(pub);
	if (pub->body == UWSGI_BODY_NONE || !max)
		return 0;
	if (min > max)
		min = max;
	ssize_t n =
		pub->body == UWSGI_BODY_CHUNKED ? read_chunked(req, buf, min, max) : read_length(req, buf, min, max);
	if (n == -ETIMEDOUT)
		conn_too_slow(req->core->serve, PROC_TIMEOUT_BODY);
	if (n < 0)
		req->body_status = (uint16_t)status_of(n);
	return n;
}
