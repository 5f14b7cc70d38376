/* steady.c - a client that asks on and on over some connections, and tells what it was denied.
 *
 *   steady PORT CONNECTIONS KEEPALIVE(0|1) PATH INTERVAL_US
 *
 * Each connection asks again INTERVAL_US after it was answered, so that the silence it measures is the server's.  It
 * runs until its standard input is closed, then prints one line:
 *
 *   answers failures refused longest_silence_us slowest_us
 *
 * failures: connections that ended without a whole answer, or with another status than 200.  A connection that was kept
 * and is closed between two requests is no failure (RFC 9112 9.6), as long as nothing of the next one was answered: it
 * is asked again on a fresh one.  refused: of the failures, connections nobody accepted. silence: time in which no
 * answer came though somebody was asking. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024

struct client {
	int fd;
	bool asking, fresh; /* fresh: nothing was asked on this connection before */
	uint64_t asked_us, next_us;
	size_t len;
	char buf[8192];
};

static struct client clients[CONNECTIONS_MAX];
static int count, epoll_fd;
static bool keep;
static struct sockaddr_in to;
static char request[1024];
static uint64_t answers, failures, refused, silence_us, slowest_us, last_us;

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void hang_up(struct client *c)
{
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
	c->asking = false;
}

static void fail(struct client *c, uint64_t now, uint64_t interval)
{
	failures++;
	hang_up(c);
	c->next_us = now + interval + 1000;
}

static bool ask(struct client *c, uint64_t now)
{
	if (c->fd == -1) {
		int one = 1;
		c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (connect(c->fd, (struct sockaddr *)&to, sizeof to) == -1) {
			refused++;
			return false;
		}
		fcntl(c->fd, F_SETFL, O_NONBLOCK);
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
		c->fresh = true;
	}
	c->asking = true;
	c->asked_us = now;
	c->len = 0;
	return send(c->fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request);
}

/* Bytes of a whole answer with a Content-Length; 0: not yet, -1: none that counts. */
static long whole(const struct client *c)
{
	char *end = memmem(c->buf, c->len, "\r\n\r\n", 4);
	if (!end)
		return c->len == sizeof c->buf ? -1 : 0;
	if (memcmp(c->buf, "HTTP/1.", 7) || memcmp(c->buf + 9, "200", 3))
		return -1;
	size_t head = (size_t)(end - c->buf) + 4;
	for (const char *line = c->buf; line < end; line = (const char *)memchr(line, '\n', head) + 1)
		if (!strncasecmp(line, "Content-Length:", 15)) {
			long total = (long)head + atol(line + 15);
			return total <= (long)c->len ? total : 0;
		}
	return -1;
}

static void on_event(struct client *c, uint64_t interval)
{
	ssize_t n = recv(c->fd, c->buf + c->len, sizeof c->buf - c->len, 0);
	uint64_t now = now_us();
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		bool lost = c->asking && (c->fresh || c->len);
		bool again = c->asking && !lost;
		hang_up(c);
		if (lost)
			fail(c, now, interval);
		else if (again && !ask(c, c->asked_us))
			fail(c, now, interval);
		return;
	}
	c->len += (size_t)n;
	long done = whole(c);
	if (done < 0)
		fail(c, now, interval);
	if (done <= 0)
		return;
	answers++;
	if (now - last_us > silence_us)
		silence_us = now - last_us;
	last_us = now;
	if (now - c->asked_us > slowest_us)
		slowest_us = now - c->asked_us;
	bool close_it = !keep || memmem(c->buf, c->len, "Connection: close", 17) ||
			memmem(c->buf, c->len, "connection: close", 17);
	c->asking = c->fresh = false;
	c->next_us = now + interval;
	if (close_it)
		hang_up(c);
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 2;
	uint64_t interval = strtoull(argv[5], NULL, 10);
	count = atoi(argv[2]);
	keep = atoi(argv[3]);
	to.sin_family = AF_INET;
	to.sin_port = htons((uint16_t)atoi(argv[1]));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", argv[4],
		 keep ? "" : "Connection: close\r\n");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < count; i++)
		clients[i].fd = -1;
	last_us = now_us();
	struct pollfd stop = { .fd = STDIN_FILENO, .events = POLLIN | POLLHUP };
	while (poll(&stop, 1, 0) == 0) {
		struct epoll_event events[64];
		uint64_t now = now_us(), next = now + 1000;
		for (int i = 0; i < count; i++) {
			struct client *c = &clients[i];
			if (c->asking)
				continue;
			if (c->next_us <= now && !ask(c, now))
				fail(c, now, interval);
			else if (!c->asking && c->next_us < next)
				next = c->next_us;
		}
		struct timespec wait = { .tv_nsec = (long)(next - now) * 1000 };
		int n = epoll_pwait2(epoll_fd, events, 64, &wait, NULL);
		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr, interval);
	}
	printf("%llu %llu %llu %llu %llu\n", (unsigned long long)answers, (unsigned long long)failures,
	       (unsigned long long)refused, (unsigned long long)silence_us, (unsigned long long)slowest_us);
	return 0;
}
