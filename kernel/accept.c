/* accept.c - connections in: from the listening sockets, and from other workers. */
#include "accept.h"

#include "address.h"
#include "conn.h"
#include "door.h"
#include "handed.h"
#include "listen.h"
#include "turn.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uwsgi/log.h>

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
	turn_run(core, c);
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
