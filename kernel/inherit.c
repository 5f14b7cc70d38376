/* inherit.c - listening sockets this process was started with.
 *
 * Whoever starts a server at its first connection has bound the socket already: an Emperor gives it as stdin, systemd
 * from descriptor 3 on.  A configured address that is one of them is not bound again. */
#include "inherit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEMD_FIRST 3

static bool is_listening(int fd)
{
	int on = 0;
	socklen_t len = sizeof on;
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

static void keep(struct inherited *inherited, int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	inherited->fds[inherited->count++] = fd;
}

/* An application that reads its stdin must not find connections there. */
static int move_stdin(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, SYSTEMD_FIRST);
	int null = fd == -1 ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null != -1) {
		dup2(null, STDIN_FILENO);
		close(null);
	}
	return fd;
}

void inherit_collect(struct inherited *inherited, pid_t pid)
{
	const char *count = getenv("LISTEN_FDS"), *for_pid = getenv("LISTEN_PID");
	int fds = count && for_pid && atol(for_pid) == pid ? atoi(count) : 0;
	inherited->count = 0;
	for (int fd = SYSTEMD_FIRST; fd - SYSTEMD_FIRST < fds && fd - SYSTEMD_FIRST < INHERIT_MAX; fd++)
		if (is_listening(fd))
			keep(inherited, fd);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	if (inherited->count == INHERIT_MAX || !is_listening(STDIN_FILENO))
		return;
	int fd = move_stdin();
	if (fd != -1)
		keep(inherited, fd);
}

int inherit_take(struct inherited *inherited, const struct sockaddr *address, socklen_t len)
{
	for (int i = 0; i < inherited->count; i++) {
		struct sockaddr_storage bound = { 0 };
		socklen_t bound_len = sizeof bound;
		int fd = inherited->fds[i];
		if (getsockname(fd, (struct sockaddr *)&bound, &bound_len) == -1 || bound_len != len ||
		    memcmp(&bound, address, len))
			continue;
		inherited->fds[i] = inherited->fds[--inherited->count];
		return fd;
	}
	return -1;
}
