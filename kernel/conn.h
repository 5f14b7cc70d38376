/* conn.h - a connection: its memory, and moving bytes without waiting for the slow. */
#ifndef KERNEL_CONN_H
#define KERNEL_CONN_H

#include "serve.h"

#include <sys/uio.h>

/* A connection for an accepted descriptor, owned by the caller.  NULL when memory is out (fd is not closed). */
struct conn *conn_open(struct serve *s, int fd, const struct listener *from);
/* Close and give back.  The owner only. */
void conn_close(struct serve *s, struct conn *c);
/* Is there another worker, now or soon, that goes on with a connection of this one? */
bool conn_may_move(const struct serve *s);
/* Have the loop watch it (edge-triggered, both ways).  0 or -errno. */
int conn_watch(struct serve *s, struct conn *c);

/* Send, or keep for the loop what the client does not take now; waits only when BACKLOG_MAX is reached.
 * 0, -EPIPE, -ETIMEDOUT or -ENOMEM. */
int conn_send(struct serve *s, struct conn *c, struct iovec *iov, int count);
/* Send what is kept.  1 when some is left, 0 when all is gone, or a negative errno. */
int conn_flush(struct conn *c);
static inline bool conn_has_backlog(const struct conn *c)
{
	return c->out.len || c->file != -1;
}

/* Count a client that was given up. */
void conn_too_slow(struct serve *s, enum proc_timeout what);

/* Wait until fd is ready (POLLIN or POLLOUT).  0, -ETIMEDOUT or -errno. */
int conn_wait(int fd, short events, int timeout_ms);

/* The phase it is in and until when it may stay there. */
void conn_set_phase(struct serve *s, struct conn *c, enum conn_phase phase, uint64_t timeout_ms);
/* Have the sweep come at `due_ms`, or earlier. */
void conn_sweep_by(struct serve *s, uint64_t due_ms);

/* Visit every open connection that nobody owns and whose deadline has passed (all of them when now is UINT64_MAX); the
 * visitor owns it and must close or release it.  Returns the earliest deadline of the others, UINT64_MAX when there is
 * none. */
uint64_t conn_sweep(struct core *core, uint64_t now, void (*visit)(struct core *core, struct conn *c));

#endif
