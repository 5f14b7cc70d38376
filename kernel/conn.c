/* conn.c - a connection's memory and its bytes out.
 *
 * Connections live in slabs that are never given back, so that an event which another thread fetched before the close
 * still points at a connection: at worst one that has nothing to read.  A free one stays owned, so that such an event
 * cannot take it. */
#include "conn.h"

#include "address.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLAB 64 /* connections */
#define FILE_STEP ((size_t)1024 * 1024)

struct slab {
	struct slab *next;
	struct conn conns[SLAB];
};

static void add_slab(struct serve *s)
{
	struct slab *slab = calloc(1, sizeof *slab);
	if (!slab)
		return;
	for (int i = 0; i < SLAB; i++) {
		struct conn *c = &slab->conns[i];
		atomic_init(&c->owner, CONN_OWNED);
		c->source.fn = s->on_conn; /* once: a stale event reads it whoever has the connection now */
		c->next = s->free;
		s->free = c;
	}
	slab->next = atomic_load(&s->slabs);
	atomic_store(&s->slabs, slab);
}

static struct conn *take_free(struct serve *s)
{
	pthread_mutex_lock(&s->lock);
	if (!s->free)
		add_slab(s);
	struct conn *c = s->free;
	if (c)
		s->free = c->next;
	pthread_mutex_unlock(&s->lock);
	return c;
}

struct conn *conn_open(struct serve *s, int fd, const struct listener *from)
{
	struct conn *c = take_free(s);
	if (!c)
		return NULL;
	/* field by field: other threads may be looking at owner */
	c->fd = fd;
	c->socket = from->socket;
	c->protocol = from->protocol;
	c->next = NULL;
	c->in_epoll = c->closing = c->continued = c->unread = false;
	atomic_store(&c->hung_up, false);
	c->addr_len = 0;
	c->port = 0;
	c->seen = c->decoded = 0;
	memset(c->decoder, 0, sizeof c->decoder); /* its last client may have left in the middle of a chunk */
	c->file = -1;
	c->requests = 0;
	atomic_store(&c->deadline, 0);
	atomic_fetch_add_explicit(&s->open, 1, memory_order_relaxed);
	return c;
}

bool conn_may_move(const struct serve *s)
{
	return s->hands_on && !atomic_load(s->stopping);
}

void conn_close(struct serve *s, struct conn *c)
{
	assert(c->phase != CONN_FREE);
	if (c->in_epoll) /* a fork of the application may hold the descriptor open: epoll would go on */
		epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
	close(c->fd);
	if (c->file != -1)
		close(c->file);
	c->fd = c->file = -1;
	buf_free(&c->in);
	buf_free(&c->out);
	c->phase = CONN_FREE;
	atomic_store(&c->deadline, 0);
	atomic_fetch_sub_explicit(&s->open, 1, memory_order_relaxed);
	pthread_mutex_lock(&s->lock);
	c->next = s->free;
	s->free = c;
	pthread_mutex_unlock(&s->lock);
}

int conn_watch(struct serve *s, struct conn *c)
{
	if (c->in_epoll)
		return 0;
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = &c->source };
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, c->fd, &e) == -1)
		return -errno;
	c->in_epoll = true;
	return 0;
}

void conn_sweep_by(struct serve *s, uint64_t due_ms)
{
	uint64_t due = atomic_load(&s->due_ms);
	while (due_ms < due && !atomic_compare_exchange_weak(&s->due_ms, &due, due_ms))
		;
}

void conn_set_phase(struct serve *s, struct conn *c, enum conn_phase phase, uint64_t timeout_ms)
{
	uint64_t deadline = uwsgi_now_ms() + timeout_ms;
	c->phase = (uint8_t)phase;
	atomic_store(&c->deadline, timeout_ms ? deadline : 0);
	if (timeout_ms) /* after the store: a sweep that does not see it comes back for it */
		conn_sweep_by(s, deadline);
}

int conn_wait(int fd, short events, int timeout_ms)
{
	struct pollfd p = { fd, events, 0 };
	int n;
	do
		n = poll(&p, 1, timeout_ms);
	while (n == -1 && errno == EINTR);
	return n == 1 ? 0 : n == 0 ? -ETIMEDOUT : -errno;
}

void conn_too_slow(struct serve *s, enum proc_timeout what)
{
	atomic_fetch_add_explicit(&s->slot->timeouts[what], 1, memory_order_relaxed);
}

static int gone(int error)
{
	return error == EAGAIN || error == EINTR ? 0 : -EPIPE;
}

static int flush_bytes(struct conn *c)
{
	while (c->out.len) {
		ssize_t n = send(c->fd, c->out.p, c->out.len, MSG_NOSIGNAL | (c->file != -1 ? MSG_MORE : 0));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 1 : -EPIPE;
		buf_consume(&c->out, (size_t)n);
	}
	buf_free(&c->out);
	return 0;
}

static int flush_file(struct conn *c)
{
	while (c->file_left) {
		off_t at = c->file_at;
		size_t step = c->file_left < (int64_t)FILE_STEP ? (size_t)c->file_left : FILE_STEP;
		ssize_t n = sendfile(c->fd, c->file, &at, step);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 1 : -EPIPE;
		if (n == 0) /* the file became shorter: what was promised cannot be kept */
			return -EPIPE;
		c->file_at += n;
		c->file_left -= n;
	}
	close(c->file);
	c->file = -1;
	return 0;
}

int conn_flush(struct conn *c)
{
	int left = flush_bytes(c);
	return left || c->file == -1 ? left : flush_file(c);
}

/* The part of the vector behind the first n bytes. */
static void skip(struct iovec **iov, int *count, size_t n)
{
	while (*count && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*count)--;
	}
	if (*count) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

/* Keep one piece for the loop; wait for room when there is too much already. */
static int keep(struct serve *s, struct conn *c, const char *p, size_t n)
{
	while (n) {
		size_t room = c->out.len < BACKLOG_MAX ? BACKLOG_MAX - c->out.len : 0;
		size_t step = n < room ? n : room;
		int failed = buf_append(&c->out, p, step, BACKLOG_MAX);
		if (failed)
			return failed;
		p += step;
		n -= step;
		if (!n)
			break;
		failed = conn_wait(c->fd, POLLOUT, s->settings->socket_timeout * 1000);
		if (failed == -ETIMEDOUT)
			conn_too_slow(s, PROC_TIMEOUT_SEND);
		int left = failed ? failed : conn_flush(c);
		if (left < 0)
			return left;
	}
	return 0;
}

int conn_send(struct serve *s, struct conn *c, struct iovec *iov, int count)
{
	int left = conn_has_backlog(c) ? conn_flush(c) : 0;
	if (left < 0)
		return left;
	while (!left && count) {
		ssize_t n =
			count == 1 ? send(c->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL) : writev(c->fd, iov, count);
		if (n == -1) {
			if (gone(errno))
				return -EPIPE;
			left = errno == EAGAIN;
			continue;
		}
		skip(&iov, &count, (size_t)n);
	}
	for (; count; iov++, count--) {
		int failed = keep(s, c, iov->iov_base, iov->iov_len);
		if (failed)
			return failed;
	}
	return 0;
}

uint64_t conn_sweep(struct core *core, uint64_t now, void (*visit)(struct core *core, struct conn *c))
{
	uint64_t next = UINT64_MAX;
	for (struct slab *slab = atomic_load(&core->serve->slabs); slab; slab = slab->next) {
		for (int i = 0; i < SLAB; i++) {
			struct conn *c = &slab->conns[i];
			uint64_t deadline = atomic_load(&c->deadline);
			unsigned nobody = 0;
			bool due = now == UINT64_MAX || (deadline && deadline <= now);
			if (due && atomic_compare_exchange_strong(&c->owner, &nobody, CONN_OWNED))
				visit(core, c); /* which looks at the deadline again: the owner may have moved it */
			else if (deadline && deadline < next)
				next = deadline; /* also a passed one, whose owner may not move it */
		}
	}
	return next;
}
