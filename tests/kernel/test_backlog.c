/* How many connections wait, on real sockets. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backlog.h"

#define ROOM 7

static int listening(struct sockaddr *a, socklen_t *len)
{
	int fd = socket(a->sa_family, SOCK_STREAM, 0);
	cr_assert_eq(bind(fd, a, *len), 0);
	cr_assert_eq(listen(fd, ROOM), 0);
	*len = sizeof(struct sockaddr_storage);
	cr_assert_eq(getsockname(fd, a, len), 0);
	return fd;
}

static void check(struct sockaddr_storage *a, socklen_t len, bool is_unix)
{
	const struct uwsgi_socket one = { .fd = listening((struct sockaddr *)a, &len), .is_unix = is_unix };
	const struct uwsgi_socket *const twice[] = { &one, &one };
	for (unsigned i = 0; i < 3; i++) {
		struct backlog backlog = backlog_of(&one);
		cr_assert(backlog.known);
		cr_assert_eq(backlog.waiting, i);
		cr_assert_eq(backlog.room, ROOM);
		int client = socket(a->ss_family, SOCK_STREAM, 0);
		cr_assert_eq(connect(client, (struct sockaddr *)a, len), 0);
	}
	cr_assert_eq(backlog_of_all(twice, 2), 6);
	close(accept(one.fd, NULL, NULL));
	cr_assert_eq(backlog_of(&one).waiting, 2);
}

Test(backlog, counts_what_waits_on_a_tcp_socket)
{
	struct sockaddr_storage a = { 0 };
	*(struct sockaddr_in *)&a =
		(struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	check(&a, sizeof(struct sockaddr_in), false);
}

Test(backlog, counts_what_waits_on_a_unix_socket)
{
	struct sockaddr_storage a = { .ss_family = AF_UNIX };
	check(&a, sizeof(sa_family_t), true); /* an abstract name of the system's choice */
}

Test(backlog, knows_nothing_of_what_does_not_listen)
{
	int pair[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	const struct uwsgi_socket rows[] = {
		{ .fd = pair[0], .is_unix = true },
		{ .fd = pair[0], .handover = true },
		{ .fd = socket(AF_INET, SOCK_STREAM, 0) },
		{ .fd = -1 },
		{ .fd = -1, .is_unix = true },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct backlog backlog = backlog_of(&rows[i]);
		cr_expect_not(backlog.known, "row %zu", i);
		cr_expect_eq(backlog.waiting, 0);
	}
}
