/* emperor_demand.c - sockets whose first connection starts a vassal.
 *
 * The Emperor binds them, and the vassal finds one as its standard input.  Between two lives of a vassal connections
 * wait in the socket's backlog. */
#include "emperor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- which ---- */

/* The first line without its end; NULL when there is none. */
static char *first_line(FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	if (getline(&line, &size, file) == -1) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = 0;
	if (*line)
		return line;
	free(line);
	return NULL;
}

/* The file is a user's, and we may be root: what its name leads to is not read for him. */
static char *address_from_file(const char *path, const char *extension, bool follow)
{
	char name[PATH_MAX];
	struct stat st;
	if (snprintf(name, sizeof name, "%s%s", path, extension) >= PATH_MAX)
		return NULL;
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
	if (fd == -1)
		return NULL;
	FILE *file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
	if (!file) {
		close(fd);
		return NULL;
	}
	char *address = first_line(file);
	fclose(file);
	return address;
}

/* DIRECTORY/site.socket for site.ini */
static char *address_in_directory(const char *directory, const char *name)
{
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	const char *dot = strrchr(base, '.');
	char *address;
	int len = dot ? (int)(dot - base) : (int)strlen(base);
	return asprintf(&address, "%s/%.*s.socket", directory, len, base) == -1 ? NULL : address;
}

static char *address_from_command(const char *command, const char *name)
{
	char *line, *address = NULL;
	setenv("UWSGI_VASSAL", name, 1);
	if (asprintf(&line, "%s \"$UWSGI_VASSAL\"", command) == -1)
		return NULL;
	FILE *pipe = popen(line, "re");
	if (pipe) {
		address = first_line(pipe);
		pclose(pipe);
	}
	unsetenv("UWSGI_VASSAL");
	free(line);
	return address;
}

char *demand_address(const struct emperor_options *options, const char *path, const char *name)
{
	char *address = NULL;
	if (options->demand_extension)
		address = address_from_file(path, options->demand_extension, !options->tyrant);
	if (!address && options->demand_directory)
		address = address_in_directory(options->demand_directory, name);
	if (!address && options->demand_exec)
		address = address_from_command(options->demand_exec, name);
	return address;
}

/* ---- binding ---- */

static bool is_path(const char *address)
{
	return *address == '/' || *address == '.' || !strchr(address, ':');
}

static int number_of(const char *option, int otherwise)
{
	int64_t number;
	return uwsgi_option_number(option, &number) == 0 ? (int)number : otherwise;
}

/* As the kernel does it for sockets of its own: a file nobody listens behind is removed, anything else is in the way.
 */
static int clear_path(const struct sockaddr_un *a, socklen_t len)
{
	struct stat st;
	if (stat(a->sun_path, &st) == -1)
		return 0;
	int fd = S_ISSOCK(st.st_mode) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
	if (fd == -1)
		return -EEXIST;
	bool stale = connect(fd, (const struct sockaddr *)a, len) == -1 && errno == ECONNREFUSED;
	close(fd);
	if (!stale)
		return -EADDRINUSE;
	return unlink(a->sun_path) == -1 ? -errno : 0;
}

static mode_t configured_mode(void)
{
	const char *text = uwsgi_option_get("chmod-socket");
	return !text ? 0660 : *text ? (mode_t)strtoul(text, NULL, 8) : 0666;
}

/* The directory may be a user's: nothing is done to the file after the bind that would follow a link in its place. */
static int bind_path(int fd, const char *path, const struct file_mark *owner, mode_t mode)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	bool is_abstract = *path == '@';
	if (n >= sizeof a.sun_path)
		return -ENAMETOOLONG;
	memcpy(a.sun_path + is_abstract, path + is_abstract, n - is_abstract);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + !is_abstract);
	int failed = is_abstract ? 0 : clear_path(&a, len);
	if (failed)
		return failed;
	mode_t before = umask(~(mode ? mode : configured_mode()) & 0777);
	failed = bind(fd, (struct sockaddr *)&a, len) == -1 ? -errno : 0;
	umask(before);
	if (!failed && !is_abstract && owner && lchown(path, owner->uid, owner->gid) == -1)
		failed = -errno;
	return failed;
}

static int bind_inet(const char *address, int *fd_r)
{
	char host[256];
	const char *colon = strrchr(address, ':');
	size_t n = (size_t)(colon - address);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *list;
	if (n >= sizeof host)
		return -ENAMETOOLONG;
	snprintf(host, sizeof host, "%.*s", (int)n, address);
	if (*host == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = 0;
	}
	/* as ":8080" is meant everywhere in this server: all addresses of IPv4 */
	if (!*host || !strcmp(host, "*"))
		hints.ai_family = AF_INET;
	if (getaddrinfo(*host && strcmp(host, "*") ? host : NULL, colon + 1, &hints, &list))
		return -EADDRNOTAVAIL;
	int on = 1, failed = 0;
	*fd_r = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd_r == -1 || setsockopt(*fd_r, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1 ||
	    setsockopt(*fd_r, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1 ||
	    bind(*fd_r, list->ai_addr, list->ai_addrlen) == -1)
		failed = -errno;
	freeaddrinfo(list);
	return failed;
}

int demand_bind(const char *address, const struct file_mark *owner, mode_t mode)
{
	int fd = -1, failed;
	if (is_path(address)) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		failed = fd == -1 ? -errno : bind_path(fd, address, owner, mode);
	} else {
		failed = bind_inet(address, &fd);
	}
	if (!failed && listen(fd, number_of("listen", 100)) == -1)
		failed = -errno;
	if (!failed)
		return fd;
	if (fd != -1)
		close(fd);
	return failed;
}

void demand_close(int fd, const char *address)
{
	close(fd);
	if (is_path(address) && *address != '@')
		unlink(address);
}
