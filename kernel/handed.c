/* handed.c - connections from one worker to the others, through a pair of sockets that all workers share. */
#include "handed.h"

#include "cause.h"
#include "conn.h"
#include "fd_pass.h"
#include "handover.h"
#include "listen.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct handed {
	const struct listeners *listeners;
	int pair[2]; /* [0] is read */
};

/* Kept: a connection of the old generation goes to the new one. */
static int open_pair(struct handover *handover, int pair[2])
{
	static const char *const names[] = { "handed on", "to be handed on" };
	if (handover_claim(handover, names[0], &pair[0], NULL) && handover_claim(handover, names[1], &pair[1], NULL))
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == -1)
		return -errno;
	int failed = handover_keep(handover, names[0], pair[0], "");
	return failed ? failed : handover_keep(handover, names[1], pair[1], "");
}

struct handed *handed_create(struct handover *handover, const struct listeners *listeners)
{
	struct handed *h = calloc(1, sizeof *h);
	int failed = h ? open_pair(handover, h->pair) : -ENOMEM;
	if (failed) {
		uwsgi_cause("cannot make the sockets through which workers hand on connections: %s", strerror(-failed));
		free(h);
		return NULL;
	}
	h->listeners = listeners;
	return h;
}

int handed_fd(const struct handed *h)
{
	return h->pair[0];
}

bool handed_give(struct serve *s, struct conn *c)
{
	if (!conn_may_move(s) || c->phase != CONN_IDLE || c->in.len || c->closing || conn_has_backlog(c))
		return false;
	int fd = dup(c->fd); /* sent, this one is closed; the other with its connection */
	if (fd == -1)
		return false;
	/* a socket keeps the number of its descriptor over reloads, whatever becomes of its place in the list */
	if (fd_pass_send(s->handed->pair[1], fd, c->socket->fd)) {
		close(fd);
		return false;
	}
	conn_close(s, c);
	return true;
}

static bool has_room(const struct handed *h)
{
	struct pollfd p = { .fd = h->pair[1], .events = POLLOUT };
	return poll(&p, 1, 0) == 1;
}

/* True when somebody else has it now. */
static bool pass_on(const struct handed *h, int fd, int socket_fd)
{
	if (fd < 0)
		return false;
	if (fd_pass_send(h->pair[1], fd, socket_fd) == 0)
		return true;
	close(fd);
	return false;
}

void handed_wake_others(struct serve *s)
{
	struct sockaddr_storage peer;
	int socket_fd = -1, left = s->core_count;
	if (!conn_may_move(s))
		return;
	while (left-- > 0 && has_room(s->handed)) {
		int fd = fd_pass_receive(s->handed->pair[0], &socket_fd);
		if (!pass_on(s->handed, fd, socket_fd))
			break;
	}
	for (size_t i = 0; i < s->listener_count; i++)
		for (left = s->core_count; left-- > 0 && has_room(s->handed);) {
			const struct uwsgi_socket *socket = s->listeners[i].socket;
			if (!pass_on(s->handed, listen_accept(socket, &peer), socket->fd))
				break;
		}
}

static int index_of(const struct listeners *l, int socket_fd)
{
	const struct uwsgi_socket *const *list;
	size_t count = listeners_list(l, &list);
	for (size_t i = 0; i < count; i++)
		if (list[i]->fd == socket_fd)
			return (int)i;
	return -ENOENT;
}

int handed_take(const struct handed *h, int *index_r, struct sockaddr_storage *peer)
{
	int socket_fd;
	socklen_t len = sizeof *peer;
	int fd = fd_pass_receive(h->pair[0], &socket_fd);
	if (fd < 0)
		return fd;
	int index = index_of(h->listeners, socket_fd);
	if (index < 0) { /* the configuration has it no more */
		close(fd);
		return index;
	}
	*index_r = index;
	if (getpeername(fd, (struct sockaddr *)peer, &len) == -1)
		peer->ss_family = AF_UNSPEC;
	return fd;
}
