/* sweep.c - connections whose time is over: one look at all of them, when the earliest is due.
 *
 * A worker that ends closes those that are idle, too. */
#include "sweep.h"

#include "conn.h"
#include "handed.h"
#include "patience.h"
#include "turn.h"

#include <sys/socket.h>
#include <uwsgi/log.h>

#define HELLO_MS 500	   /* for the first request to follow its connection, when the worker is ending */
#define SWEEP_MS 1000	   /* between two looks at all connections */
#define DRAIN_SWEEP_MS 100 /* the same, when the worker is ending */

static void count_expired(struct serve *s, const struct conn *c)
{
	static const enum proc_timeout kinds[] = {
		[CONN_IDLE] = PROC_TIMEOUT_IDLE,
		[CONN_HEAD] = PROC_TIMEOUT_HEAD,
		[CONN_BODY] = PROC_TIMEOUT_BODY,
		[CONN_SEND] = PROC_TIMEOUT_SEND,
	};
	if (c->phase == CONN_IDLE && !c->requests)
		conn_too_slow(s, PROC_TIMEOUT_HEAD); /* it never said a word */
	else if (c->phase >= CONN_IDLE && c->phase <= CONN_SEND)
		conn_too_slow(s, kinds[c->phase]);
}

static void expire(struct core *core, struct conn *c)
{
	static const char late[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
	uint64_t deadline = atomic_load(&c->deadline);
	if (!deadline || deadline > uwsgi_now_ms()) {
		turn_let_go(core, c);
		return;
	}
	count_expired(core->serve, c);
	if ((c->phase == CONN_HEAD || c->phase == CONN_BODY) && (c->protocol->flags & UWSGI_PROTO_KEEPALIVE)) {
		(void)!send(c->fd, late, sizeof late - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		uwsgi_log("uwsgi: %.*s: the request was not complete in time, answered 408\n", (int)c->addr_len,
			  c->addr);
	}
	conn_close(core->serve, c);
}

/* Is its first request about to come?  Its client connected to a server that was there. */
static bool is_fresh(const struct serve *s, struct conn *c)
{
	return !c->requests && atomic_load(&c->deadline) + HELLO_MS > uwsgi_now_ms() + patience_head_ms(s->patience);
}

static void close_idle(struct core *core, struct conn *c)
{
	if (core->refuses) {
		turn_run(core, c); /* its event may have gone to the core that is stuck */
		return;
	}
	struct serve *s = core->serve;
	bool hurry = atomic_load(&s->hurry);
	if (!hurry && handed_give(s, c))
		return;
	if (hurry || (c->phase == CONN_IDLE && !c->in.len && !is_fresh(s, c)))
		conn_close(s, c);
	else
		turn_let_go(core, c);
}

void sweep_run(struct core *core, uint64_t now_ms)
{
	struct serve *s = core->serve;
	uint64_t next = conn_sweep(core, now_ms, expire), pause = SWEEP_MS;
	if (atomic_load(&s->draining)) {
		conn_sweep(core, UINT64_MAX, close_idle);
		next = 0; /* some were busy just now */
		pause = DRAIN_SWEEP_MS;
	}
	conn_sweep_by(s, next > now_ms + pause ? next : now_ms + pause);
}
