/* connect.c - connections to others; see uwsgi/socket.h. */
#include "address.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include <uwsgi/loop.h>
#include <uwsgi/socket.h>

#define FULL_MS 5 /* between two tries */

int uwsgi_address(const char *address, char *text_r, size_t size)
{
	struct address to;
	char text[ADDRESS_TEXT_MAX];
	if (address_parse(address, false, &to) || to.inherited_fd != -1)
		return -EINVAL;
	address_format(&to, text);
	return snprintf(text_r, size, "%s", text) < (int)size ? 0 : -EINVAL;
}

static int open_to(const char *address, int type)
{
	struct address to;
	if (address_parse(address, false, &to) || to.inherited_fd != -1)
		return -EINVAL;
	int fd = socket(to.sa.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	if (connect(fd, &to.sa, to.len) == 0 || errno == EINPROGRESS)
		return fd;
	int failed = -errno;
	close(fd);
	return failed;
}

int uwsgi_connect_begin(const char *address)
{
	return open_to(address, SOCK_STREAM | SOCK_NONBLOCK);
}

int uwsgi_connect_datagram(const char *address)
{
	return open_to(address, SOCK_DGRAM);
}

int uwsgi_connect_result(int fd)
{
	int error = 0;
	socklen_t size = sizeof error;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1 ? -errno : -error;
}

/* A signal that comes meanwhile does not make the wait longer. */
static int wait_until_decided(int fd, uint64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	for (;;) {
		uint64_t now = uwsgi_now_ms();
		int left = end == UINT64_MAX ? -1 : end > now ? (int)(end - now) : 0, ready = poll(&p, 1, left);
		if (ready > 0)
			return uwsgi_connect_result(fd);
		if (ready == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* A unix socket whose backlog is full takes no connection that does not block, and tells nobody when there is room. */
static int begin_when_there_is_room(const char *address, uint64_t end)
{
	int fd;
	while ((fd = uwsgi_connect_begin(address)) == -EAGAIN && uwsgi_now_ms() < end)
		poll(NULL, 0, FULL_MS);
	return fd == -EAGAIN ? -ETIMEDOUT : fd;
}

int uwsgi_connect(const char *address, int ms)
{
	uint64_t end = ms < 0 ? UINT64_MAX : uwsgi_now_ms() + (uint64_t)ms;
	int fd = begin_when_there_is_room(address, end);
	if (fd < 0)
		return fd;
	int failed = wait_until_decided(fd, end);
	if (!failed && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == -1)
		failed = -errno;
	if (!failed)
		return fd;
	close(fd);
	return failed;
}
