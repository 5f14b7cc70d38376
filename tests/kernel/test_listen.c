/* Sockets: bound where they were asked to be, with the right owner and mode, never in the place of a living one, and
 * removed only by who made them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../double/folder.h"
#include "address.h"
#include "handover.h"
#include "listen.h"
#include "privs.h"

#include <uwsgi/request.h>

static struct settings settings;
static char dir[] = "/tmp/test_listen_XXXXXX", path[64];

static void begin(void)
{
	settings = (struct settings){ .listen = 4 };
	folder_make(dir);
	snprintf(path, sizeof path, "%s/s", dir);
}

static void end(void)
{
	folder_remove(dir);
}

TestSuite(listen, .init = begin, .fini = end, .timeout = 20);

static struct listeners *with(const char *address)
{
	struct listeners *l = listeners_create(&settings, handover_create());
	cr_assert_eq(listeners_add(l, address, "uwsgi"), 0);
	return l;
}

static const struct uwsgi_socket *only(const struct listeners *l)
{
	const struct uwsgi_socket *const *list;
	cr_assert_eq(listeners_list(l, &list), 1);
	return list[0];
}

/* A listening, or only bound, socket of somebody else. */
static int foreign(const char *where, int type, bool listens)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	strcpy(a.sun_path, where);
	int fd = socket(AF_UNIX, type, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	if (listens)
		cr_assert_eq(listen(fd, 0), 0);
	return fd;
}

static int client_of(const struct uwsgi_socket *s)
{
	struct address a;
	cr_assert_null(address_parse(s->name, false, &a));
	int fd = socket(a.sa.sa_family, SOCK_STREAM, 0);
	cr_assert_eq(connect(fd, &a.sa, a.len), 0, "%s: %s", s->name, strerror(errno));
	return fd;
}

static void wait_for(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	cr_assert_eq(poll(&p, 1, 10000), 1);
}

/* ---- binding ---- */

Test(listen, binds_what_was_asked_for_in_order)
{
	struct listeners *l = with("127.0.0.1:0");
	const struct uwsgi_socket *const *list;
	listeners_add(l, path, "other");
	listeners_add(l, "[::1]:0", "uwsgi");
	listeners_add(l, "@test_listen", "uwsgi");
	cr_assert_eq(listeners_list(l, &list), 0);
	cr_assert_eq(listeners_bind(l), 0);
	cr_assert_eq(listeners_list(l, &list), 4);
	cr_assert(!strncmp(list[0]->name, "127.0.0.1:", 10) && atoi(list[0]->name + 10) > 0,
		  "an automatic port is told");
	cr_assert_str_eq(list[1]->name, path);
	cr_assert(!strncmp(list[2]->name, "[::1]:", 6));
	cr_assert_str_eq(list[3]->name, "@test_listen");
	cr_assert_str_eq(list[1]->protocol, "other");
	for (int i = 0; i < 4; i++) {
		struct sockaddr_storage peer;
		int client = client_of(list[i]);
		cr_assert_eq(list[i]->index, i);
		cr_assert_eq(list[i]->is_unix, i == 1 || i == 3);
		cr_assert_eq(send(client, "x", 1, 0), 1);
		wait_for(list[i]->fd);
		int fd = listen_accept(list[i], &peer);
		cr_assert_geq(fd, 0);
		cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
		cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		cr_assert_eq(listen_accept(list[i], NULL), -EAGAIN);
	}
}

Test(listen, tells_every_request_where_it_came_in)
{
	struct listeners *l = with("127.0.0.1:0");
	struct uwsgi_request req = { 0 };
	char port[16];
	listeners_bind(l);
	req.socket = only(l);
	snprintf(port, sizeof port, "%s", strchr(req.socket->name, ':') + 1);
	struct uwsgi_str got = uwsgi_request_known(&req, UWSGI_KEY_SERVER_PORT);
	cr_assert(got.n == strlen(port) && !memcmp(got.p, port, got.n));
	cr_assert_gt(uwsgi_request_known(&req, UWSGI_KEY_SERVER_NAME).n, 0);
	cr_assert_eq(uwsgi_request_known(&req, UWSGI_KEY_SCRIPT_NAME).n, 0);
}

Test(listen, refuses_a_port_in_use)
{
	struct listeners *first = with("127.0.0.1:0");
	listeners_bind(first);
	cr_assert_lt(listeners_bind(with(only(first)->name)), 0);
}

Test(listen, refuses_what_is_no_address)
{
	cr_assert_lt(listeners_bind(with("127.0.0.1:99999")), 0);
	cr_assert_lt(listeners_bind(with("/nonexistent/dir/s")), 0);
	cr_assert_lt(listeners_bind(with("192.0.2.1:0")), 0);
}

Test(listen, goes_on_with_an_inherited_socket)
{
	char text[32];
	struct listeners *l;
	int fd = foreign(path, SOCK_STREAM, true);
	snprintf(text, sizeof text, "fd://%d", fd);
	l = with(text);
	cr_assert_eq(listeners_bind(l), 0);
	cr_assert_eq(only(l)->fd, fd);
	cr_assert_str_eq(only(l)->name, path);
	listeners_vacuum(l, false);
	cr_assert_eq(access(path, F_OK), 0, "it is not ours to remove");
}

/* ---- the files of unix sockets ---- */

Test(listen, removes_its_own_file_and_no_other)
{
	struct listeners *l = with(path);
	listeners_bind(l);
	listeners_vacuum(l, false);
	cr_assert_eq(access(path, F_OK), -1);
	listeners_vacuum(l, false);
	l = with(path);
	listeners_bind(l);
	unlink(path);
	foreign(path, SOCK_STREAM, true);
	listeners_vacuum(l, false);
	cr_assert_eq(access(path, F_OK), 0, "a newer server has the path now");
}

/* ---- gateways ---- */

Test(listen, hands_connections_from_a_gateway_to_a_worker)
{
	struct listeners *l = listeners_create(&settings, handover_create());
	struct uwsgi_socket *s = listeners_gateway(l, "127.0.0.1:0", "test");
	struct sockaddr_storage peer;
	char byte;
	cr_assert_not_null(s);
	cr_assert(s->handover && s == only(l));
	cr_assert_eq(uwsgi_socket_accept(s), -EAGAIN);
	cr_assert_eq(listen_accept(s, &peer), -EAGAIN);
	int client = client_of(s);
	cr_assert_eq(send(client, "x", 1, 0), 1);
	wait_for(uwsgi_socket_gateway_fd(s));
	int fd = uwsgi_socket_accept(s);
	cr_assert_geq(fd, 0);
	cr_assert_eq(uwsgi_socket_pass(s, fd), 0);
	cr_assert_eq(fcntl(fd, F_GETFD), -1, "the gateway has it no more");
	wait_for(s->fd);
	fd = listen_accept(s, &peer);
	cr_assert_geq(fd, 0);
	cr_assert_eq(peer.ss_family, AF_INET);
	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(recv(fd, &byte, 1, 0), 1);
	cr_assert_eq(byte, 'x');
	cr_assert_eq(listen_accept(s, &peer), -EAGAIN);
}

Test(listen, takes_a_port_alone_for_a_gateway)
{
	struct listeners *l = listeners_create(&settings, handover_create());
	struct uwsgi_socket *s = listeners_gateway(l, "0", "test");
	cr_assert_not_null(s);
	cr_assert(!strncmp(s->name, "0.0.0.0:", 8));
}

Test(listen, keeps_a_connection_that_no_worker_has_room_for)
{
	struct listeners *l = listeners_create(&settings, handover_create());
	struct uwsgi_socket *s = listeners_gateway(l, "127.0.0.1:0", "test");
	int failed, passed = 0, fd;
	do {
		fd = open("/dev/null", O_RDONLY);
		cr_assert_neq(fd, -1);
		failed = uwsgi_socket_pass(s, fd);
	} while (!failed && ++passed < 100000);
	cr_assert_eq(failed, -EAGAIN);
	cr_assert_neq(fcntl(fd, F_GETFD), -1, "it is still the gateway's");
	cr_assert_geq(listen_accept(s, &(struct sockaddr_storage){ 0 }), 0);
	cr_assert_eq(uwsgi_socket_pass(s, fd), 0);
}

Test(listen, closes_what_only_gateways_need)
{
	struct listeners *l = listeners_create(&settings, handover_create());
	struct uwsgi_socket *s = listeners_gateway(l, "127.0.0.1:0", "test");
	int fd = uwsgi_socket_gateway_fd(s);
	listeners_close_gateways(l);
	listeners_close_gateways(l);
	cr_assert_eq(fcntl(fd, F_GETFD), -1);
	cr_assert_neq(fcntl(s->fd, F_GETFD), -1);
}

/* ---- a plugin's own ---- */

Test(listen, binds_a_socket_no_worker_accepts_from)
{
	struct listeners *l = listeners_create(&settings, handover_create());
	const struct uwsgi_socket *const *list;
	struct stat st;
	settings.chmod_socket = "777";
	int fd = listeners_own(l, path, 0600);
	cr_assert_geq(fd, 0);
	cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_assert_eq(listeners_list(l, &list), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(listeners_own(l, path, 0600), -EADDRNOTAVAIL, "somebody listens there");
	listeners_vacuum(l, false);
	cr_assert_eq(stat(path, &st), -1);
}

Test(listen, lets_a_plugins_client_say_nothing)
{
	struct listeners *l = listeners_create(&settings, handover_create());
	struct sockaddr_in a;
	socklen_t len = sizeof a;
	int fd = listeners_own(l, "127.0.0.1:0", 0600);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(client, (struct sockaddr *)&a, len), 0);
	struct pollfd p = { fd, POLLIN, 0 };
	cr_assert_eq(poll(&p, 1, 500), 1, "it waits for the client to speak");
}
