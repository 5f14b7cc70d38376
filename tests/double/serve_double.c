/* serve_double.c - one worker with one core and one connection, whose client is the test. */
#include "serve_double.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define GOT_MAX (4 * 1024 * 1024)

void serve_double_init(struct serve_double *d)
{
	int pair[2];
	memset(d, 0, sizeof *d);
	d->settings = (struct settings){ .max_vars = 8, .buffer_size = 4096, .socket_timeout = 1 };
	d->serve = (struct serve){ .settings = &d->settings,
				   .harakiri = &d->harakiri,
				   .patience = &d->patience,
				   .slot = &d->slot,
				   .cores = &d->core,
				   .core_count = 1,
				   .read_size = 65536 };
	d->serve.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pthread_mutex_init(&d->serve.lock, NULL);
	atomic_store(&d->serve.due_ms, UINT64_MAX);
	d->core = (struct core){ .serve = &d->serve };
	d->protocol = (struct uwsgi_protocol){ .name = "test", .flags = UWSGI_PROTO_KEEPALIVE };
	d->socket = (struct uwsgi_socket){ .fd = -1, .name = "test", .protocol = "test" };
	d->listener = (struct listener){ .socket = &d->socket, .protocol = &d->protocol };
	assert(request_create(&d->core.req, &d->core, &d->settings) == 0);
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	signal(SIGPIPE, SIG_IGN);
	d->client = pair[1];
	d->conn = conn_open(&d->serve, pair[0], &d->listener);
	assert(d->conn);
	d->conn->phase = CONN_RUN;
	serve_double_begin(d);
}

void serve_double_begin(struct serve_double *d)
{
	request_reset(&d->core.req, d->conn);
	d->req = &d->core.req.pub;
	d->req->http_version = 11;
	d->req->keep_alive = true;
}

const char *serve_double_got(struct serve_double *d)
{
	static char text[GOT_MAX + 1];
	size_t len = 0;
	ssize_t n;
	while ((n = recv(d->client, text + len, GOT_MAX - len, 0)) > 0)
		len += (size_t)n;
	text[len] = 0;
	return n == 0 && !len ? NULL : text;
}

size_t serve_double_drain(struct serve_double *d, size_t n)
{
	char piece[65536];
	size_t total = 0;
	while (total < n) {
		ssize_t got = recv(d->client, piece, sizeof piece, 0);
		if (got > 0)
			total += (size_t)got;
		else if (got == 0 || conn_flush(d->conn) < 0)
			break;
	}
	return total;
}
