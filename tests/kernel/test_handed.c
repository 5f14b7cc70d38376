/* A connection goes to another worker whole, or stays: one that was begun, or that nobody else would serve. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../double/serve_double.h"
#include "handed.h"
#include "handover.h"
#include "listen.h"

static struct serve_double d;
static struct listeners *listeners;
static struct handover *handover;
static _Atomic bool stopping;

/* The connection of the double came in by the second of two sockets. */
static void begin(void)
{
	const struct uwsgi_socket *const *list;
	static char second[32]; /* tests run side by side */
	snprintf(second, sizeof second, "@test_handed_%d", (int)getpid());
	serve_double_init(&d);
	handover = handover_create();
	listeners = listeners_create(&d.settings, handover);
	d.settings.listen = 4;
	cr_assert_eq(listeners_add(listeners, "127.0.0.1:0", "one"), 0);
	cr_assert_eq(listeners_add(listeners, second, "two"), 0);
	cr_assert_eq(listeners_bind(listeners), 0);
	cr_assert_eq(listeners_list(listeners, &list), 2);
	d.conn->socket = list[1];
	d.conn->phase = CONN_IDLE;
	d.serve.handed = handed_create(handover, listeners);
	d.serve.hands_on = true;
	d.serve.stopping = &stopping;
}

TestSuite(handed, .init = begin, .timeout = 20);

static int take(int *index_r)
{
	struct sockaddr_storage peer = { 0 };
	return handed_take(d.serve.handed, index_r, &peer);
}

Test(handed, gives_a_connection_with_what_waits_in_it)
{
	int index = -1;
	char byte;
	cr_assert_eq(take(&index), -EAGAIN);
	cr_assert_eq(send(d.client, "x", 1, 0), 1);
	cr_assert(handed_give(&d.serve, d.conn));
	cr_assert_eq(d.conn->phase, CONN_FREE);
	int fd = take(&index);
	cr_assert_geq(fd, 0);
	cr_assert_eq(index, 1);
	cr_assert_eq(recv(fd, &byte, 1, 0), 1);
	cr_assert_eq(byte, 'x');
	cr_assert_eq(send(d.client, "y", 1, 0), 1, "nobody has closed it");
	cr_assert_eq(take(&index), -EAGAIN);
}

Test(handed, keeps_a_connection_that_was_begun)
{
	d.conn->phase = CONN_HEAD;
	cr_assert_not(handed_give(&d.serve, d.conn));
	d.conn->phase = CONN_IDLE;
	d.conn->closing = true;
	cr_assert_not(handed_give(&d.serve, d.conn));
	d.conn->closing = false;
	cr_assert_eq(buf_append(&d.conn->in, "GET", 3, 64), 0);
	cr_assert_not(handed_give(&d.serve, d.conn));
	buf_free(&d.conn->in);
	cr_assert_eq(buf_append(&d.conn->out, "late", 4, 64), 0);
	cr_assert_not(handed_give(&d.serve, d.conn));
	buf_free(&d.conn->out);
	cr_assert(handed_give(&d.serve, d.conn));
}

Test(handed, keeps_a_connection_that_nobody_else_would_serve)
{
	stopping = true;
	cr_assert_not(handed_give(&d.serve, d.conn));
	stopping = false;
	d.serve.hands_on = false;
	cr_assert_not(handed_give(&d.serve, d.conn));
	cr_assert_neq(fcntl(d.conn->fd, F_GETFD), -1);
}

Test(handed, closes_what_came_by_a_socket_that_is_no_more)
{
	struct uwsgi_socket gone = { .fd = 1000 };
	int index = -1;
	char byte;
	d.conn->socket = &gone;
	cr_assert(handed_give(&d.serve, d.conn));
	cr_assert_eq(take(&index), -ENOENT);
	cr_assert_eq(index, -1);
	cr_assert_eq(recv(d.client, &byte, 1, 0), 0);
}

/* The worker listens at the second socket alone, where a client has just connected. */
static int let_one_wait(void)
{
	static struct listener listener;
	listener.socket = d.conn->socket;
	d.serve.listeners = &listener;
	d.serve.listener_count = 1;
	d.serve.core_count = 1;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int len = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "test_handed_%d", (int)getpid());
	int client = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(connect(client, (struct sockaddr *)&address,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)),
		     0);
	return client;
}

Test(handed, what_woke_a_worker_that_ends_wakes_another)
{
	int index = -1, client = let_one_wait();
	char byte;
	handed_wake_others(&d.serve);
	int fd = take(&index);
	cr_assert_geq(fd, 0);
	cr_assert_eq(index, 1);
	cr_assert_eq(send(client, "x", 1, 0), 1);
	cr_assert_eq(recv(fd, &byte, 1, 0), 1);
}

Test(handed, what_waits_where_nobody_else_would_serve_it_stays)
{
	int index = -1;
	stopping = true;
	let_one_wait();
	handed_wake_others(&d.serve);
	cr_assert_eq(take(&index), -EAGAIN);
}

Test(handed, what_is_on_its_way_already_is_sent_again)
{
	int index = -1;
	d.serve.core_count = 1;
	cr_assert(handed_give(&d.serve, d.conn));
	handed_wake_others(&d.serve);
	cr_assert_geq(take(&index), 0);
	cr_assert_eq(index, 1);
	cr_assert_eq(take(&index), -EAGAIN);
}
