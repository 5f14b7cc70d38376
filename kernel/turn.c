/* turn.c - a connection's turn: what can be done for it now, on the thread that took its event.
 *
 * A connection belongs to that thread from there to the end of the response: requests run to completion on the thread
 * that read them.  Events that arrive meanwhile only mark it; the owner looks again. */
#include "turn.h"

#include "conn.h"
#include "handed.h"
#include "input.h"
#include "patience.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define LINGER_READS 32
#define LINGER_TIMEOUT_MS 2000 /* RFC 9112 9.6: let the client read the answer before the reset */

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
	for (int i = 0; i < LINGER_READS; i++) {
		ssize_t n = recv(c->fd, core->scratch, core->serve->read_size, MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			return false;
		if (n <= 0)
			break;
	}
	conn_close(core->serve, c);
	return true;
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
		conn_set_phase(s, c, CONN_SEND, (uint64_t)s->settings->socket_timeout * 1000);
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
		int more = input_serve(core, c);
		if (more < 0) {
			conn_close(s, c);
			return false;
		}
		if (c->closing || conn_has_backlog(c))
			continue;
		if (c->phase == CONN_IDLE && c->in.len) { /* its turn is over */
			put_aside(core, c);
			return false;
		}
		if (more)
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

bool turn_release(struct conn *c)
{
	unsigned owned = CONN_OWNED;
	return atomic_compare_exchange_strong(&c->owner, &owned, 0);
}

void turn_run(struct core *core, struct conn *c)
{
	do
		atomic_fetch_and(&c->owner, ~CONN_PENDING);
	while (work(core, c) && !turn_release(c));
}

void turn_let_go(struct core *core, struct conn *c)
{
	if (!turn_release(c))
		turn_run(core, c);
}

void turn_event(struct source *source, uint32_t events, struct core *core)
{
	struct conn *c = (struct conn *)source;
	/* the rest work() finds out by trying; but that the end came together with bytes, no later event tells */
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		atomic_store_explicit(&c->hung_up, true, memory_order_relaxed);
	if (!(atomic_fetch_or(&c->owner, CONN_PENDING | CONN_OWNED) & CONN_OWNED))
		turn_run(core, c);
}
