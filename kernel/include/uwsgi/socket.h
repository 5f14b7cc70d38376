/* uwsgi/socket.h - the sockets the server listens on, and connections to others. */
#ifndef UWSGI_SOCKET_H
#define UWSGI_SOCKET_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

struct uwsgi_strings;
struct uwsgi_var;

/* A bound socket.  Made in [main], the same in every process after, never freed. */
struct uwsgi_socket {
	int fd;
	int index;		      /* position in the configuration */
	const char *name;	      /* as bound: "127.0.0.1:3031", "/run/app.sock" */
	const char *protocol;	      /* the protocol row its connections start with */
	const struct uwsgi_var *vars; /* the same for every request: SERVER_NAME, SERVER_PORT, SCRIPT_NAME, ... */
	unsigned nvars;
	bool is_unix;
	bool handover; /* connections arrive as descriptors from a gateway */
};

/* Ask the kernel to bind `address` for the workers, speaking `protocol`.  [main], from an option's apply function.
 * Binding happens after configuration; a failure there ends the start. */
UWSGI_API int uwsgi_socket_add(const char *address, const char *protocol);

/* Bind `address` for a gateway, and give the workers a socket through which the gateway hands them connections;
 * they start with `protocol`.  [main], from init.  NULL after the reason was logged. */
UWSGI_API struct uwsgi_socket *uwsgi_socket_gateway(const char *address, const char *protocol);

/* Bind `address` for the plugin itself: no worker accepts there.  The file of a unix socket gets `mode`.  Kept over
 * reloads, removed with vacuum.  [main], from init.  A non-blocking descriptor, or a negative errno after the reason
 * was logged. */
UWSGI_API int uwsgi_socket_own(const char *address, unsigned mode);

/* What a gateway waits on for connections.  [gateway] */
UWSGI_API int uwsgi_socket_gateway_fd(struct uwsgi_socket *socket);

/* Accept one connection of a gateway socket: a non-blocking descriptor, or a negative errno (-EAGAIN: none left).
 * [gateway] */
UWSGI_API int uwsgi_socket_accept(struct uwsgi_socket *socket);

/* Hand a connection to the next free worker and close it here.  0, or -EAGAIN when the workers' queue is full (the
 * descriptor is still the caller's; wait for UWSGI_WRITE on uwsgi_socket_queue_fd).  [gateway] */
UWSGI_API int uwsgi_socket_pass(struct uwsgi_socket *socket, int fd);
UWSGI_API int uwsgi_socket_queue_fd(struct uwsgi_socket *socket);

/* The sockets of the workers in configuration order.  [any] */
UWSGI_API size_t uwsgi_sockets(const struct uwsgi_socket *const **list_r);
/* Is it one of these names?  For options that say through which sockets something is allowed.  [any] */
UWSGI_API bool uwsgi_socket_is_named(const struct uwsgi_socket *socket, const struct uwsgi_strings *names);
/* Tell the log of names that no socket has, as values of `option`.  [master], when the sockets are bound */
UWSGI_API void uwsgi_sockets_check(const char *option, const struct uwsgi_strings *names);

/* Connect to "host:port", ":port" (this machine), "/path" or "@abstract", waiting `ms` milliseconds at most (-1: as
 * long as it takes; the name of a host is looked up without this limit).  A blocking descriptor, close-on-exec, or a
 * negative errno: -EINVAL when it is no address.  [any] */
UWSGI_API int uwsgi_connect(const char *address, int ms);
/* The numeric form of such an address: the name of a host is looked up.  0, or -EINVAL.  [any] */
UWSGI_API int uwsgi_address(const char *address, char *text_r, size_t size);
/* Begin to connect: a non-blocking descriptor, which is writable when it is decided, or a negative errno. */
UWSGI_API int uwsgi_connect_begin(const char *address);
/* What became of it: 0 or a negative errno. */
UWSGI_API int uwsgi_connect_result(int fd);
/* A blocking datagram socket that sends to such an address, or a negative errno.  [any] */
UWSGI_API int uwsgi_connect_datagram(const char *address);

UWSGI_END_DECLS
#endif
