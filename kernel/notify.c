/* notify.c - see notify.h.  A datagram of lines "NAME=value" to a unix socket; nobody listening is no error. */
#include "notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TEXT_MAX 512

struct notify {
	struct sockaddr_un to;
	socklen_t to_len; /* 0: nobody wants to know */
	struct uwsgi_loop *loop;
	struct uwsgi_timer watchdog;
	uint64_t period_ms;
};

int notify_format(char *text, int size, const char *state, const char *status, unsigned long long now_us)
{
	int n = state ? snprintf(text, (size_t)size, "%s\n", state) : 0;
	if (state && !strcmp(state, "RELOADING=1")) /* Type=notify-reload wants to know since when */
		n += snprintf(text + n, (size_t)(size - n), "MONOTONIC_USEC=%llu\n", now_us);
	if (status && n < size)
		n += snprintf(text + n, (size_t)(size - n), "STATUS=%s\n", status);
	return n < size ? n : size - 1;
}

static void send_text(const struct notify *n, const char *text, int len)
{
	if (!n->to_len || len <= 0)
		return;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return;
	(void)!sendto(fd, text, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&n->to, n->to_len);
	close(fd);
}

static void tell(const struct notify *n, const char *state, const char *status)
{
	char text[TEXT_MAX];
	send_text(n, text, notify_format(text, sizeof text, state, status, uwsgi_now_ms() * 1000));
}

static void on_watchdog(struct uwsgi_timer *timer)
{
	struct notify *n = timer->data;
	tell(n, "WATCHDOG=1", NULL);
	uwsgi_loop_timer(n->loop, timer, n->period_ms);
}

/* Is the watchdog meant for this process? */
static uint64_t watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	if (!usec || (pid && atoi(pid) != getpid()))
		return 0;
	return strtoull(usec, NULL, 10) / 1000;
}

struct notify *notify_create(struct uwsgi_loop *loop)
{
	struct notify *n = calloc(1, sizeof *n);
	const char *path = getenv("NOTIFY_SOCKET");
	if (!n)
		return NULL;
	n->loop = loop;
	n->watchdog.fn = on_watchdog;
	n->watchdog.data = n;
	size_t len = path ? strlen(path) : 0;
	if (len > 1 && len < sizeof n->to.sun_path && (*path == '/' || *path == '@')) {
		n->to.sun_family = AF_UNIX;
		memcpy(n->to.sun_path, path, len);
		if (*path == '@')
			n->to.sun_path[0] = 0;
		n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	}
	n->period_ms = n->to_len ? watchdog_ms() / 2 : 0;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (n->period_ms)
		uwsgi_loop_timer(loop, &n->watchdog, n->period_ms);
	return n;
}

void notify_ready(struct notify *n, const char *status)
{
	char text[TEXT_MAX];
	int len = notify_format(text, sizeof text, "READY=1", status, 0);
	/* a daemonized master is not the process that was started */
	len += snprintf(text + len, sizeof text - (size_t)len, "MAINPID=%d\n", (int)getpid());
	send_text(n, text, len < TEXT_MAX ? len : TEXT_MAX - 1);
}

void notify_reloading(struct notify *n)
{
	tell(n, "RELOADING=1", "reloading");
}

void notify_stopping(struct notify *n)
{
	tell(n, "STOPPING=1", "finishing requests");
}

void notify_status(struct notify *n, const char *status)
{
	tell(n, "READY=1", status);
}
