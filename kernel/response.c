/* response.c - status, headers and body of an answer, framed so that the client knows where it ends (RFC 9112, 6).
 *
 * The head is written in wire form as it is given, so that a complete answer is one buffer and one system call. Nothing
 * the application gives can end a line: CR, LF and NUL are refused here, for every protocol and every language. */
#include "response.h"

#include "conn.h"
#include "harakiri.h"
#include "request.h"
#include "status.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define TAIL_MAX 384 /* what end_head adds beside extra headers, the request's id among it */

/* RFC 9110 5.6.2 */
static const bool token_byte[256] = {
	['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,	    ['&'] = 1,	       ['\''] = 1,
	['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,	    ['^'] = 1,	       ['_'] = 1,
	['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1,
};

static bool is_token(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!token_byte[(unsigned char)p[i]])
			return false;
	return n > 0;
}

static bool is_line(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\r' || p[i] == '\n' || p[i] == 0)
			return false;
	return true;
}

static bool same(const char *a, size_t n, const char *name, size_t name_len)
{
	return n == name_len && !strncasecmp(a, name, n);
}
#define IS(p, n, literal) same(p, n, literal, sizeof literal - 1)

static void put(struct request *req, const char *p, size_t n)
{
	if (n) /* p may be NULL then */
		memcpy(req->out + req->out_len, p, n);
	req->out_len += n;
}
#define PUT(req, literal) put(req, literal, sizeof literal - 1)

/* An answer that can have no body, whatever its headers say. */
static bool is_bodiless(int status)
{
	return status < 200 || status == 204 || status == 304;
}

int uwsgi_response_status(struct uwsgi_request *pub, const char *status, size_t len)
{
	struct request *req = request_of(pub);
	if (pub->headers_sent)
		return -EALREADY;
	bool digits = len >= 3 && status[0] >= '1' && status[0] <= '9' && status[1] >= '0' && status[1] <= '9' &&
		      status[2] >= '0' && status[2] <= '9' && (len == 3 || status[3] == ' ');
	if (!digits || !is_line(status, len) || len > 512)
		return -EINVAL;
	int code = (status[0] - '0') * 100 + (status[1] - '0') * 10 + status[2] - '0';
	if (code < 200 &&
	    code != 101) /* not an end: the client would take the answer to its next request for this one's */
		return -EINVAL;
	pub->status = code;
	pub->header_count = 0;
	req->has_length = req->app_framed = req->wants_close = req->overlong = false;
	req->no_body = pub->is_head || is_bodiless(pub->status);
	req->out_len = 0;
	if (pub->http_version >= 11)
		PUT(req, "HTTP/1.1 ");
	else
		PUT(req, "HTTP/1.0 ");
	put(req, status, len);
	if (len == 3) {
		const char *phrase = status_phrase(pub->status);
		PUT(req, " ");
		put(req, phrase, strlen(phrase));
	}
	PUT(req, "\r\n");
	return 0;
}

static int parse_length(const char *p, size_t n, int64_t *length_r)
{
	int64_t length = 0;
	if (!n || n > 18)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -EINVAL;
		length = length * 10 + p[i] - '0';
	}
	*length_r = length;
	return 0;
}

/* Headers that say how the message ends are understood, not just passed on.  1: leave it out; 0: send; -EINVAL.  An
 * answer that says both how long it is and how it is coded ends in two places (RFC 9112, 6.2). */
static int framing(struct request *req, const char *name, size_t name_len, const char *value, size_t value_len)
{
	if (IS(name, name_len, "content-length")) {
		if (req->has_length || req->app_framed || parse_length(value, value_len, &req->length))
			return -EINVAL;
		req->has_length = true;
		return req->pub.status < 200 || req->pub.status == 204;
	}
	if (IS(name, name_len, "transfer-encoding")) {
		if (req->has_length)
			return -EINVAL;
		if (req->pub.status < 200 || req->pub.status == 204)
			return 1;
		req->app_framed = true;
		return 0;
	}
	if (IS(name, name_len, "connection")) {
		if (req->pub.status == 101)
			return 0;
		req->wants_close |= IS(value, value_len, "close");
		return 1;
	}
	return IS(name, name_len, "keep-alive") ? 1 : 0;
}

int uwsgi_response_header(struct uwsgi_request *pub, const char *name, size_t name_len, const char *value,
			  size_t value_len)
{
	struct request *req = request_of(pub);
	if (pub->headers_sent)
		return -EALREADY;
	if (!pub->status || !is_token(name, name_len) || !is_line(value, value_len))
		return -EINVAL;
	if (name_len + value_len + 4 + TAIL_MAX + req->core->serve->extra_headers.n > HEAD_MAX - req->out_len)
		return -E2BIG;
	/* the request's id is said once, by us */
	if (req->id.n && same(name, name_len, req->core->serve->ids.header.p, req->core->serve->ids.header.n))
		return 0;
	/* only names of these lengths can be framing: most headers are not compared with anything */
	if (name_len == 10 || name_len == 14 || name_len == 17) {
		int skipped = framing(req, name, name_len, value, value_len);
		if (skipped)
			return skipped < 0 ? skipped : 0;
	}
	put(req, name, name_len);
	PUT(req, ": ");
	put(req, value, value_len);
	PUT(req, "\r\n");
	pub->header_count++;
	return 0;
}

/* Where this answer ends must be said on the wire: another may follow it. */
static bool is_reusable(const struct request *req)
{
	return req->pub.protocol->flags & UWSGI_PROTO_KEEPALIVE;
}

/* Decide how the body ends, and close the head.  `total`: the body's length, -1 when it is not known. */
static void end_head(struct request *req, int64_t total)
{
	struct uwsgi_request *pub = &req->pub;
	const struct serve *s = req->core->serve;
	bool bodiless = is_bodiless(pub->status);
	if (!req->has_length && !req->app_framed && !bodiless && total >= 0) {
		int n = snprintf(req->out + req->out_len, TAIL_MAX, "Content-Length: %lld\r\n", (long long)total);
		req->out_len += (size_t)n;
		pub->header_count++;
		req->has_length = true;
		req->length = total;
	}
	bool framed = req->has_length || bodiless;
	if (!framed && !pub->is_head && !req->app_framed && is_reusable(req) && pub->http_version >= 11) {
		PUT(req, "Transfer-Encoding: chunked\r\n");
		req->chunked = framed = true;
	}
	if ((!framed && !pub->is_head) || req->app_framed || req->wants_close ||
	    (atomic_load(&s->draining) && !conn_may_move(s)) ||
	    pub->status == 101)
		pub->keep_alive = false;
	if (is_reusable(req) && pub->status != 101) {
		if (!pub->keep_alive)
			PUT(req, "Connection: close\r\n");
		else if (pub->http_version < 11)
			PUT(req, "Connection: keep-alive\r\n");
	}
	put(req, s->extra_headers.p, s->extra_headers.n);
	if (req->id.n) {
		put(req, s->ids.header.p, s->ids.header.n);
		PUT(req, ": ");
		put(req, req->id.p, req->id.n);
		PUT(req, "\r\n");
	}
	PUT(req, "\r\n");
	pub->head_size = (uint32_t)req->out_len;
}

/* The head is about to leave: has somebody else answered meanwhile, because it took so long? */
static bool is_too_late(struct request *req)
{
	if (req->pub.headers_sent || harakiri_answer(req->core))
		return false;
	req->pub.status = 504;
	req->pub.broken = true;
	req->pub.keep_alive = false;
	return true;
}

/* Send the head (when it was not) and then the pieces. */
static int transmit(struct request *req, const struct iovec *pieces, int count)
{
	struct uwsgi_request *pub = &req->pub;
	struct iovec iov[64];
	int n = 0, failed = 0;
	if (pub->broken || is_too_late(req))
		return -EPIPE;
	if (!pub->headers_sent)
		iov[n++] = (struct iovec){ req->out, req->out_len };
	pub->headers_sent = true;
	for (int i = 0; i < count && !failed; i++) {
		iov[n++] = pieces[i];
		if (n == 64) {
			failed = conn_send(req->core->serve, req->conn, iov, n);
			n = 0;
		}
	}
	if (n && !failed)
		failed = conn_send(req->core->serve, req->conn, iov, n);
	if (failed) {
		pub->broken = true;
		pub->keep_alive = false;
	}
	return failed;
}

/* How many of `len` more bytes fit in what Content-Length promised. */
static size_t within_length(struct request *req, size_t len)
{
	if (!req->has_length || req->pub.is_head)
		return len;
	uint64_t left = (uint64_t)req->length > req->pub.body_size ? (uint64_t)req->length - req->pub.body_size : 0;
	if (len <= left)
		return len;
	if (!req->overlong)
		uwsgi_log("uwsgi: the application sends more than the Content-Length of %lld it announced; the rest is "
			  "dropped\n",
			  (long long)req->length);
	req->overlong = true;
	return (size_t)left;
}

int uwsgi_response_write(struct uwsgi_request *pub, const void *buf, size_t len)
{
	struct request *req = request_of(pub);
	if (!pub->status || req->ended)
		return -EINVAL;
	if (pub->broken)
		return -EPIPE;
	if (!len)
		return 0;
	if (!pub->headers_sent)
		end_head(req, -1);
	if (req->no_body) {
		pub->body_size += len;
		int failed = transmit(req, NULL, 0);
		return failed ? failed : 1;
	}
	len = within_length(req, len);
	if (!len)
		return 1;
	pub->body_size += len;
	struct iovec pieces[3];
	char size[20];
	int n = 0;
	if (req->chunked)
		pieces[n++] = (struct iovec){ size, (size_t)snprintf(size, sizeof size, "%zx\r\n", len) };
	pieces[n++] = (struct iovec){ (void *)buf, len };
	if (req->chunked)
		pieces[n++] = (struct iovec){ (void *)"\r\n", 2 };
	return transmit(req, pieces, n);
}

int uwsgi_response_flush(struct uwsgi_request *pub)
{
	struct request *req = request_of(pub);
	if (!pub->status)
		return -EINVAL;
	if (pub->headers_sent)
		return 0;
	end_head(req, -1);
	return transmit(req, NULL, 0);
}

/* Copy a small body behind the head, so that both are one write of one piece. */
static bool coalesce(struct request *req, const struct iovec *iov, int count, size_t total)
{
	if (total > SMALL_BODY)
		return false;
	for (int i = 0; i < count; i++)
		put(req, iov[i].iov_base, iov[i].iov_len);
	return true;
}

int uwsgi_response_body(struct uwsgi_request *pub, const struct iovec *iov, int count)
{
	struct request *req = request_of(pub);
	size_t total = 0;
	if (!pub->status || req->ended)
		return -EINVAL;
	for (int i = 0; i < count; i++)
		total += iov[i].iov_len;
	if (pub->headers_sent || (req->has_length && (uint64_t)req->length < total && !pub->is_head)) {
		int failed = 0;
		for (int i = 0; i < count && !failed; i++)
			failed = uwsgi_response_write(pub, iov[i].iov_base, iov[i].iov_len);
		return failed < 0 ? failed : 0;
	}
	end_head(req, (int64_t)total);
	req->ended = true;
	pub->body_size = total;
	if (req->no_body || coalesce(req, iov, count, total))
		return transmit(req, NULL, 0);
	return transmit(req, iov, count);
}

int uwsgi_response_file(struct uwsgi_request *pub, int fd, int64_t offset, int64_t len)
{
	struct request *req = request_of(pub);
	struct conn *c = req->conn;
	if (!pub->status || req->ended || len < 0)
		return -EINVAL;
	if (!pub->headers_sent)
		end_head(req, len);
	if (req->has_length && !pub->is_head)
		len = (int64_t)within_length(req, (size_t)len);
	req->ended = req->sent_file = true;
	pub->body_size += (uint64_t)len;
	if (req->no_body || !len)
		return transmit(req, NULL, 0);
	if (pub->broken || is_too_late(req))
		return -EPIPE;
	c->file = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (c->file == -1)
		return -errno;
	c->file_at = offset;
	c->file_left = len;
	int failed = 0;
	if (!pub->headers_sent)
		failed = buf_append(&c->out, req->out, req->out_len, BACKLOG_MAX + HEAD_MAX);
	pub->headers_sent = true;
	if (req->chunked && !failed) { /* the file is one chunk; its end is sent below */
		char size[20];
		int n = snprintf(size, sizeof size, "%llx\r\n", (long long)len);
		failed = buf_append(&c->out, size, (size_t)n, BACKLOG_MAX + HEAD_MAX + sizeof size);
	}
	int left = failed ? failed : conn_flush(c);
	/* a chunked file needs its closing chunk behind it: the core waits for it, an unframed one goes to the loop */
	while (left == 1 && req->chunked) {
		left = conn_wait(c->fd, POLLOUT, req->core->serve->settings->socket_timeout * 1000);
		left = left ? left : conn_flush(c);
	}
	if (left < 0) {
		pub->broken = true;
		pub->keep_alive = false;
		return -EPIPE;
	}
	if (!req->chunked)
		return 0;
	return transmit(req, &(struct iovec){ (void *)"\r\n", 2 }, 1);
}

int uwsgi_response_error(struct uwsgi_request *pub, int status)
{
	struct request *req = request_of(pub);
	pub->keep_alive = false;
	if (pub->headers_sent) {
		req->cut = true;
		return -EALREADY;
	}
	if (status == 500 && req->body_status) /* the application stumbled over what its client did */
		status = req->body_status;
	char line[64];
	const char *phrase = status_phrase(status);
	int n = snprintf(line, sizeof line, "%d %s", status, phrase);
	uwsgi_response_status(pub, line, (size_t)n);
	static const char type[] = "Content-Type", text[] = "text/plain";
	uwsgi_response_header(pub, type, sizeof type - 1, text, sizeof text - 1);
	req->ended = false;
	req->failed = true;
	struct iovec body[2] = { { (void *)phrase, strlen(phrase) }, { (void *)"\n", 1 } };
	return uwsgi_response_body(pub, body, 2);
}

bool response_finish(struct request *req)
{
	struct uwsgi_request *pub = &req->pub;
	if (pub->broken)
		return false;
	if (!pub->status)
		uwsgi_response_error(pub, 500);
	else if (!pub->headers_sent)
		uwsgi_response_body(pub, NULL, 0);
	else if (req->chunked && !req->no_body && !req->cut)
		transmit(req, &(struct iovec){ (void *)"0\r\n\r\n", 5 }, 1);
	/* less than promised: only the end of the connection can tell the client */
	if (req->has_length && !req->no_body && pub->body_size < (uint64_t)req->length)
		pub->keep_alive = false;
	return pub->keep_alive && !pub->broken;
}

void uwsgi_request_disconnect(struct uwsgi_request *pub)
{
	if (!pub->broken && pub->headers_sent && request_of(pub)->chunked)
		transmit(request_of(pub), &(struct iovec){ (void *)"0\r\n\r\n", 5 }, 1);
	conn_flush(request_of(pub)->conn);
	shutdown(request_of(pub)->conn->fd, SHUT_RDWR);
	pub->broken = true;
	pub->keep_alive = false;
}

int uwsgi_request_fd(const struct uwsgi_request *pub)
{
	return ((const struct request *)pub)->conn->fd;
}
