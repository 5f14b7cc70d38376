/* The listening sockets of a worker: watched, looked away from for a moment, and watched again, all of them or none. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../double/serve_double.h"
#include "door.h"
#include "handed.h"
#include "handover.h"

static struct serve_double d;
static struct uwsgi_socket sockets[2];
static struct listener listeners[2];

/* Two sockets, each with something to read. */
static void begin(void)
{
	serve_double_init(&d);
	for (int i = 0; i < 2; i++) {
		int fds[2];
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		cr_assert_eq(write(fds[1], "x", 1), 1);
		sockets[i].fd = fds[0];
		listeners[i].socket = &sockets[i];
	}
	d.serve.handed = handed_create(handover_create(), NULL);
	d.serve.listeners = listeners;
	d.serve.listener_count = 2;
}

TestSuite(door, .init = begin);

/* How many of the sockets would wake the worker. */
static int watched(void)
{
	struct epoll_event events[4];
	return epoll_wait(d.serve.epoll_fd, events, 4, 0);
}

Test(door, is_open_until_it_is_closed)
{
	cr_assert_eq(watched(), 0);
	cr_assert_eq(door_open(&d.serve), 0);
	cr_assert_eq(watched(), 2);
	cr_assert_eq(door_timeout(&d.serve, 1000), -1);
	door_close(&d.serve);
	cr_assert_eq(watched(), 0);
	door_resume(&d.serve, UINT64_MAX / 2);
	cr_assert_eq(watched(), 0);
}

Test(door, is_shut_for_a_moment)
{
	door_open(&d.serve);
	door_pause(&d.serve);
	uint64_t shut = d.serve.door_shut_ms;
	door_pause(&d.serve);
	cr_assert_eq(d.serve.door_shut_ms, shut, "a second reason makes it no longer");
	cr_assert_eq(watched(), 0);
	cr_assert_eq(door_timeout(&d.serve, shut), 100);
	door_resume(&d.serve, shut + 99);
	cr_assert_eq(watched(), 0);
	cr_assert_eq(door_timeout(&d.serve, shut + 100), 0);
	door_resume(&d.serve, shut + 100);
	cr_assert_eq(watched(), 2);
	cr_assert_eq(door_timeout(&d.serve, shut + 100), -1);
}

Test(door, stays_open_when_it_was_never_shut)
{
	door_open(&d.serve);
	door_resume(&d.serve, 1000);
	cr_assert_eq(watched(), 2);
}

Test(door, is_closed_for_good_also_while_it_is_shut)
{
	door_open(&d.serve);
	door_pause(&d.serve);
	door_close(&d.serve);
	cr_assert_eq(door_timeout(&d.serve, UINT64_MAX / 2), -1);
}

Test(door, tries_again_when_it_cannot_be_opened)
{
	int fd = sockets[1].fd;
	door_open(&d.serve);
	door_pause(&d.serve);
	uint64_t shut = d.serve.door_shut_ms;
	sockets[1].fd = -1;
	cr_assert_eq(door_open(&d.serve), -EBADF);
	cr_assert_eq(watched(), 0, "all or none");
	door_resume(&d.serve, shut + 100);
	cr_assert_eq(door_timeout(&d.serve, shut + 100), 100);
	sockets[1].fd = fd;
	door_resume(&d.serve, shut + 200);
	cr_assert_eq(watched(), 2);
}
