/* bind.c - listening sockets, bound where nobody else listens, and the files of those that have one. */
#include "bind.h"

#include "address.h"
#include "privs.h"
#include "settings.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFER_ACCEPT_S 5

/* A socket file nobody listens behind any more is removed; anything else is in the way. */
static int clear_path(const struct address *a)
{
	struct stat st;
	if (a->is_abstract || stat(a->un.sun_path, &st) == -1)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	/* not to wait for one whose queue is full: it is alive, too */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -errno;
	bool stale = connect(fd, &a->sa, a->len) == -1 && errno == ECONNREFUSED;
	close(fd);
	if (!stale)
		return -EADDRINUSE;
	return unlink(a->un.sun_path) == -1 ? -errno : 0;
}

static void set_int(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

/* "owner", "owner:group" or ":group", names or numbers. */
static int set_owner(const char *path, const char *owner)
{
	char user[256];
	const char *colon = strchr(owner, ':');
	int n = colon ? (int)(colon - owner) : (int)strlen(owner);
	uid_t uid;
	gid_t gid;
	if (snprintf(user, sizeof user, "%.*s", n, owner) >= (int)sizeof user)
		return -ESRCH;
	if (privs_uid(n ? user : NULL, &uid) || privs_gid(colon ? colon + 1 : NULL, &gid))
		return -ESRCH;
	return lchown(path, uid, gid) == -1 ? -errno : 0; /* the socket itself, not what took its name meanwhile */
}

/* Owner and mode of a unix socket's file, and which file it is. */
static int set_file(const struct settings *s, const char *path, unsigned wanted, struct socket_file *file_r)
{
	const char *mode = s->chmod_socket;
	bool as_umask = !wanted && !mode && s->compat_2_0;
	unsigned bits = wanted ? wanted : !mode ? 0660 : *mode ? (unsigned)strtoul(mode, NULL, 8) : 0666;
	struct stat st;
	int failed = s->chown_socket ? set_owner(path, s->chown_socket) : 0;
	if (failed)
		return failed;
	if (!as_umask && chmod(path, bits) == -1)
		return -errno;
	if (stat(path, &st) == 0) {
		file_r->dev = st.st_dev;
		file_r->ino = st.st_ino;
	}
	return 0;
}

int bind_address(const struct settings *s, const struct address *a, unsigned mode, struct socket_file *file_r)
{
	if (a->is_unix) {
		int failed = clear_path(a);
		if (failed)
			return failed;
	}
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!a->is_unix) {
		/* accepted connections inherit these: one response leaves at once, without a call per connection */
		set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_ACCEPT_S);
		set_int(fd, SOL_SOCKET, SO_KEEPALIVE, s->so_keepalive);
		if (s->reuse_port)
			set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	}
	bool has_file = a->is_unix && !a->is_abstract, bound = bind(fd, &a->sa, a->len) == 0;
	int failed = !bound || listen(fd, s->listen) == -1 ? -errno : 0;
	if (!failed && has_file)
		failed = set_file(s, a->un.sun_path, mode, file_r);
	if (!failed)
		return fd;
	if (bound && has_file)
		unlink(a->un.sun_path);
	close(fd);
	return failed;
}

const char *bind_reason(int error)
{
	switch (error) {
	case -EADDRINUSE:
		return "another process listens there already";
	case -EEXIST:
		return "a file that is no socket is in its place";
	case -ESRCH:
		return "chown-socket names a user or group nobody has";
	default:
		return strerror(-error);
	}
}
