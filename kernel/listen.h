/* listen.h - the sockets the server listens on, from configuration to vacuum. */
#ifndef KERNEL_LISTEN_H
#define KERNEL_LISTEN_H

#include "settings.h"

#include <uwsgi/socket.h>

struct handover;
struct listeners;
struct sockaddr_storage;

/* Uses `settings` for backlog, modes and owner while binding.  A socket that `handover` has under the same address is
 * not bound anew: connections that wait in it are not lost. */
struct listeners *listeners_create(const struct settings *settings, struct handover *handover);

/* Note an address to be bound later. 0 or -ENOMEM. */
int listeners_add(struct listeners *l, const char *address, const char *protocol);
/* Use the sockets this process was started with (inherit.h) for the addresses that are theirs.  First thing of all. */
void listeners_inherit(struct listeners *l);
/* When no address was given at all: note those sockets, to be used as they are.  0 or -ENOMEM. */
int listeners_add_inherited(struct listeners *l, const char *protocol);
/* Bind everything noted, in order.  0, or a negative errno after the reason was logged. */
int listeners_bind(struct listeners *l);
/* See uwsgi_socket_gateway. */
struct uwsgi_socket *listeners_gateway(struct listeners *l, const char *address, const char *protocol);

/* See uwsgi_socket_own. */
int listeners_own(struct listeners *l, const char *address, unsigned mode);

/* The sockets workers accept from.  A gateway's is among them, as a handover socket. */
size_t listeners_list(const struct listeners *l, const struct uwsgi_socket *const **list_r);

/* Close the gateways' own sockets (in processes that are no gateway). */
void listeners_close_gateways(struct listeners *l);
/* Remove the files of unix sockets; for the end of the server, or, with `only_new`, of a rehearsal. */
void listeners_vacuum(struct listeners *l, bool only_new);

/* Take one connection from a worker's socket: a non-blocking descriptor, or a negative errno. `peer` may be NULL. */
int listen_accept(const struct uwsgi_socket *socket, struct sockaddr_storage *peer);

#endif
