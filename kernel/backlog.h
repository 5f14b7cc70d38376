/* backlog.h - how many connections wait for a worker. */
#ifndef KERNEL_BACKLOG_H
#define KERNEL_BACKLOG_H

#include <uwsgi/socket.h>

struct backlog {
	bool known; /* false: the system does not tell, or a gateway hands the connections over; the rest is 0 then */
	unsigned waiting, room; /* connections nobody has accepted; how many of them fit */
};

struct backlog backlog_of(const struct uwsgi_socket *socket);
/* How many wait on all these sockets, as far as it is known. */
unsigned backlog_of_all(const struct uwsgi_socket *const *sockets, size_t count);

#endif
