/* listen.c - the sockets of a server: noted, bound or taken over, and accepted from.
 *
 * A gateway socket is two: the one it accepts from, and a pair of datagram sockets through which it passes each
 * connection's descriptor to whichever worker reads first. */
#include "listen.h"

#include "address.h"
#include "bind.h"
#include "cause.h"
#include "fd_pass.h"
#include "handover.h"
#include "inherit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/log.h>
#include <uwsgi/request.h>

#define SOCKETS_MAX 64
#define SOCKET_VARS 6

struct entry {
	struct uwsgi_socket pub; /* first: a public pointer is an entry */
	char name[ADDRESS_TEXT_MAX];
	char port[12];
	struct uwsgi_var vars[SOCKET_VARS];
	int gateway_fd; /* a gateway accepts here; -1 for a worker's own socket */
	int queue_fd;	/* a gateway passes connections here; -1 likewise */
	struct socket_file file;
	bool inherited; /* from the image before, or whoever started us */
};

struct listeners {
	const struct settings *settings;
	struct handover *handover;
	struct entry *entries[SOCKETS_MAX];
	const struct uwsgi_socket *list[SOCKETS_MAX];
	size_t count;
	struct entry *own[SOCKETS_MAX]; /* of plugins */
	size_t own_count;
	struct {
		const char *address, *protocol;
	} wanted[SOCKETS_MAX];
	size_t wanted_count;
	struct inherited inherited;
	char host[256];
};

struct listeners *listeners_create(const struct settings *settings, struct handover *handover)
{
	struct listeners *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->settings = settings;
	l->handover = handover;
	if (gethostname(l->host, sizeof l->host - 1) == -1)
		strcpy(l->host, "localhost");
	return l;
}

int listeners_add(struct listeners *l, const char *address, const char *protocol)
{
	if (l->wanted_count == SOCKETS_MAX)
		return -ENOMEM;
	l->wanted[l->wanted_count].address = address;
	l->wanted[l->wanted_count++].protocol = protocol;
	return 0;
}

void listeners_inherit(struct listeners *l)
{
	/* what a former image found is handed over; the variables are as they were then */
	inherit_collect(&l->inherited, handover_taken(l->handover) ? 0 : getpid());
}

int listeners_add_inherited(struct listeners *l, const char *protocol)
{
	static const char item[] = "sockets without an address";
	char list[INHERIT_MAX * 16] = "", *state = NULL;
	const char *kept;
	int failed = 0;
	if (l->wanted_count || l->count)
		return 0;
	for (int i = 0, n = 0; i < l->inherited.count; i++)
		n += snprintf(list + n, sizeof list - (size_t)n, "fd://%d ", l->inherited.fds[i]);
	if (handover_claim(l->handover, item, NULL, &kept))
		snprintf(list, sizeof list, "%s", kept);
	if (*list)
		failed = handover_keep(l->handover, item, -1, list);
	char *addresses = strdup(list); /* kept: the listeners borrow them */
	for (char *one = addresses ? strtok_r(addresses, " ", &state) : NULL; one && !failed;
	     one = strtok_r(NULL, " ", &state))
		failed = listeners_add(l, one, protocol);
	return failed;
}

static int fail(const char *address, const char *why, int error)
{
	uwsgi_cause("cannot listen on %s: %s", address, why);
	return error;
}

static void add_var(struct entry *e, enum uwsgi_known_key id, const char *value)
{
	const struct uwsgi_key *key = uwsgi_key_known(id);
	e->vars[e->pub.nvars++] = (struct uwsgi_var){ key, { key->name, key->len }, { value, strlen(value) } };
}

static void describe(struct listeners *l, struct entry *e, const char *protocol, unsigned port)
{
	e->pub.name = e->name;
	e->pub.protocol = protocol;
	e->pub.index = (int)l->count;
	e->pub.vars = e->vars;
	snprintf(e->port, sizeof e->port, "%u", port ? port : 80);
	add_var(e, UWSGI_KEY_SERVER_NAME, l->host);
	add_var(e, UWSGI_KEY_SERVER_PORT, e->port);
	add_var(e, UWSGI_KEY_SCRIPT_NAME, "");
	if (e->pub.handover) {
		static const char router[] = "UWSGI_ROUTER";
		e->vars[e->pub.nvars++] = (struct uwsgi_var){ uwsgi_key_intern(router, sizeof router - 1),
							      { router, sizeof router - 1 },
							      { protocol, strlen(protocol) } };
	}
	l->list[l->count] = &e->pub;
	l->entries[l->count++] = e;
}

/* ---- over a reload ---- */

/* "socket 127.0.0.1:80", "gateway :80", "queue :80": what a descriptor is for, and of which address as it was given. */
static void item_name(char name[ADDRESS_TEXT_MAX + 16], const char *what, const char *address)
{
	snprintf(name, ADDRESS_TEXT_MAX + 16, "%s %s", what, address);
}

static int keep(struct listeners *l, const char *what, const char *address, int fd, const struct entry *e)
{
	char name[ADDRESS_TEXT_MAX + 16], file[64];
	item_name(name, what, address);
	snprintf(file, sizeof file, "%llu %llu", (unsigned long long)e->file.dev, (unsigned long long)e->file.ino);
	return handover_keep(l->handover, name, fd, file);
}

/* -1: there is none. */
static int claim(struct listeners *l, const char *what, const char *address, struct entry *e)
{
	char name[ADDRESS_TEXT_MAX + 16];
	const char *file;
	unsigned long long dev, ino;
	int fd;
	item_name(name, what, address);
	if (!handover_claim(l->handover, name, &fd, &file))
		return -1;
	if (sscanf(file, "%llu %llu", &dev, &ino) == 2) {
		e->file.dev = (dev_t)dev;
		e->file.ino = (ino_t)ino;
	}
	return fd;
}

static struct entry *entry_bind(struct listeners *l, const char *address, bool bare_port, unsigned mode, int *fd_r)
{
	struct address a;
	const char *why = address_parse(address, bare_port, &a);
	if (why || l->count == SOCKETS_MAX) {
		fail(address, why ? why : "there are too many sockets", -EINVAL);
		return NULL;
	}
	struct entry *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	*e = (struct entry){ .gateway_fd = -1, .queue_fd = -1 };
	*fd_r = claim(l, "socket", address, e);
	if (*fd_r == -1)
		*fd_r = inherit_take(&l->inherited, &a.sa, a.len);
	if (*fd_r == -1)
		*fd_r = a.inherited_fd;
	e->inherited = *fd_r != -1;
	if (*fd_r == -1)
		*fd_r = bind_address(l->settings, &a, mode, &e->file);
	if (*fd_r >= 0 && keep(l, "socket", address, *fd_r, e)) {
		close(*fd_r);
		*fd_r = -ENOMEM;
	}
	if (*fd_r < 0) {
		fail(address, bind_reason(*fd_r), *fd_r);
		free(e);
		return NULL;
	}
	/* an automatic port is known only now */
	a.len = sizeof a.storage;
	if (!a.is_unix)
		getsockname(*fd_r, &a.sa, &a.len);
	e->pub.is_unix = a.is_unix;
	address_format(&a, e->name);
	snprintf(e->port, sizeof e->port, "%u", address_port(&a.sa));
	return e;
}

int listeners_bind(struct listeners *l)
{
	for (size_t i = 0; i < l->wanted_count; i++) {
		int fd;
		struct entry *e = entry_bind(l, l->wanted[i].address, false, 0, &fd);
		if (!e)
			return -EADDRNOTAVAIL;
		e->pub.fd = fd;
		describe(l, e, l->wanted[i].protocol, (unsigned)atoi(e->port));
		if (e->inherited)
			uwsgi_log("uwsgi socket %d inherited %s address %s fd %d\n", e->pub.index,
				  e->pub.is_unix ? "UNIX" : "INET", e->name, fd);
		else
			uwsgi_log("uwsgi socket %d bound to %s address %s fd %d\n", e->pub.index,
				  e->pub.is_unix ? "UNIX" : "TCP", e->name, fd);
	}
	return 0;
}

/* The pair a gateway passes connections through; what waits in it is not lost over a reload. */
static int open_queue(struct listeners *l, const char *address, int pair[2], struct entry *e)
{
	pair[0] = claim(l, "gateway", address, e);
	pair[1] = claim(l, "queue", address, e);
	if (pair[0] != -1 && pair[1] != -1)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == -1)
		return -errno;
	int failed = keep(l, "gateway", address, pair[0], e);
	return failed ? failed : keep(l, "queue", address, pair[1], e);
}

struct uwsgi_socket *listeners_gateway(struct listeners *l, const char *address, const char *protocol)
{
	int fd, pair[2];
	struct entry *e = entry_bind(l, address, true, 0, &fd);
	if (!e)
		return NULL;
	int failed = open_queue(l, address, pair, e);
	if (failed) {
		fail(address, strerror(-failed), failed);
		close(fd);
		free(e);
		return NULL;
	}
	e->gateway_fd = fd;
	e->queue_fd = pair[0];
	e->pub.fd = pair[1];
	e->pub.handover = true;
	describe(l, e, protocol, (unsigned)atoi(e->port));
	return &e->pub;
}

int listeners_own(struct listeners *l, const char *address, unsigned mode)
{
	int fd;
	if (l->own_count == SOCKETS_MAX)
		return fail(address, "there are too many sockets", -ENOSPC);
	struct entry *e = entry_bind(l, address, true, mode, &fd);
	if (!e)
		return -EADDRNOTAVAIL;
	/* who says nothing is to be accepted, too */
	if (!e->pub.is_unix)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &(int){ 0 }, sizeof(int));
	l->own[l->own_count++] = e;
	return fd;
}

size_t listeners_list(const struct listeners *l, const struct uwsgi_socket *const **list_r)
{
	*list_r = l->list;
	return l->count;
}

void listeners_close_gateways(struct listeners *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct entry *e = l->entries[i];
		if (e->gateway_fd != -1)
			close(e->gateway_fd);
		if (e->queue_fd != -1)
			close(e->queue_fd);
		e->gateway_fd = e->queue_fd = -1;
	}
}

void listeners_vacuum(struct listeners *l, bool only_new)
{
	for (size_t i = 0; i < l->count + l->own_count; i++) {
		const struct entry *e = i < l->count ? l->entries[i] : l->own[i - l->count];
		struct stat st;
		if (!e->file.ino || (only_new && e->inherited) || stat(e->name, &st) == -1 ||
		    st.st_dev != e->file.dev || st.st_ino != e->file.ino)
			continue;
		if (unlink(e->name) == 0 && !only_new)
			uwsgi_log("VACUUM: unix socket %s removed.\n", e->name);
	}
}

/* ---- connections ---- */

int listen_accept(const struct uwsgi_socket *socket, struct sockaddr_storage *peer)
{
	socklen_t len = sizeof *peer;
	int fd;
	if (!socket->handover) {
		fd = accept4(socket->fd, (struct sockaddr *)peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		return fd == -1 ? -errno : fd;
	}
	int note;
	fd = fd_pass_receive(socket->fd, &note);
	if (fd >= 0 && getpeername(fd, (struct sockaddr *)peer, &len) == -1)
		peer->ss_family = AF_UNSPEC;
	return fd;
}

int uwsgi_socket_accept(struct uwsgi_socket *socket)
{
	const struct entry *e = (const struct entry *)socket;
	int fd = accept4(e->gateway_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return fd == -1 ? -errno : fd;
}

int uwsgi_socket_gateway_fd(struct uwsgi_socket *socket)
{
	return ((const struct entry *)socket)->gateway_fd;
}

int uwsgi_socket_queue_fd(struct uwsgi_socket *socket)
{
	return ((const struct entry *)socket)->queue_fd;
}

int uwsgi_socket_pass(struct uwsgi_socket *socket, int fd)
{
	return fd_pass_send(((const struct entry *)socket)->queue_fd, fd, 0);
}
