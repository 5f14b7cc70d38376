/* Connections: nothing is lost to a slow reader, nothing waits for ever, and the sweep touches only what nobody owns.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../double/serve_double.h"

static struct serve_double d;

static void begin(void)
{
	serve_double_init(&d);
}

TestSuite(conn, .init = begin, .timeout = 30);

/* Bytes that tell where they belong. */
static char *pattern(size_t n)
{
	char *p = malloc(n);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 31 >> 3);
	return p;
}

static int send_bytes(char *p, size_t n)
{
	struct iovec iov[3] = { { p, n / 3 }, { p + n / 3, 0 }, { p + n / 3, n - n / 3 } };
	return conn_send(&d.serve, d.conn, iov, 3);
}

/* Read `n` bytes as a slow client does, while the loop sends on; true when they are those of `want`. */
static bool arrives(const char *want, size_t n)
{
	static char piece[4096];
	size_t at = 0;
	while (at < n) {
		ssize_t got = recv(d.client, piece, sizeof piece, 0);
		if (got == -1 && errno == EAGAIN && conn_flush(d.conn) >= 0)
			continue;
		if (got <= 0 || memcmp(piece, want + at, (size_t)got))
			return false;
		at += (size_t)got;
	}
	return recv(d.client, piece, 1, 0) == -1 && errno == EAGAIN;
}

/* ---- sending ---- */

Test(conn, sends_what_the_client_takes_at_once)
{
	char *p = pattern(5000);
	cr_assert_eq(send_bytes(p, 5000), 0);
	cr_assert_not(conn_has_backlog(d.conn));
	cr_assert(arrives(p, 5000));
}

Test(conn, keeps_for_the_loop_what_a_slow_reader_leaves)
{
	char *p = pattern(900000);
	cr_assert_eq(send_bytes(p, 900000), 0);
	cr_assert(conn_has_backlog(d.conn));
	cr_assert_eq(conn_flush(d.conn), 1);
	cr_assert(arrives(p, 900000));
	cr_assert_not(conn_has_backlog(d.conn));
	cr_assert_eq(conn_flush(d.conn), 0);
}

Test(conn, keeps_the_order_of_what_comes_behind_a_backlog)
{
	char *p = pattern(900000);
	cr_assert_eq(send_bytes(p, 600000), 0);
	cr_assert(conn_has_backlog(d.conn));
	cr_assert_eq(send_bytes(p + 600000, 300000), 0);
	cr_assert(arrives(p, 900000));
}

Test(conn, gives_up_on_a_client_that_takes_nothing)
{
	size_t n = BACKLOG_MAX + 4000000;
	char *p = pattern(n);
	d.settings.socket_timeout = 0;
	cr_assert_eq(send_bytes(p, n), -ETIMEDOUT);
	cr_assert_leq(d.conn->out.len, BACKLOG_MAX);
}

Test(conn, waits_for_a_client_that_takes_something)
{
	size_t n = BACKLOG_MAX + 4000000;
	char *p = pattern(n);
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct pollfd ready = { d.client, POLLIN, 0 };
		size_t got = 0;
		static char piece[65536];
		while (got < n && poll(&ready, 1, 10000) == 1) {
			ssize_t r = recv(d.client, piece, sizeof piece, 0);
			if (r <= 0 || memcmp(piece, p + got, (size_t)r))
				break;
			got += (size_t)r;
		}
		_exit(got != n);
	}
	cr_assert_eq(send_bytes(p, n), 0);
	while (conn_flush(d.conn) == 1)
		cr_assert_eq(conn_wait(d.conn->fd, POLLOUT, 10000), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

Test(conn, reports_a_client_that_went_away)
{
	char *p = pattern(900000);
	cr_assert_eq(send_bytes(p, 900000), 0);
	close(d.client);
	cr_assert_eq(conn_flush(d.conn), -EPIPE);
	cr_assert_eq(send_bytes(p, 10), -EPIPE);
}

static int file_with(const char *p, size_t n)
{
	char path[] = "/tmp/test_conn_XXXXXX";
	int fd = mkstemp(path);
	unlink(path);
	cr_assert_eq(write(fd, p, n), (ssize_t)n);
	return fd;
}

Test(conn, sends_a_file_behind_its_bytes)
{
	char *p = pattern(3000000);
	send_bytes(p, 900000);
	d.conn->file = file_with(p, 3000000);
	d.conn->file_at = 900000;
	d.conn->file_left = 2100000;
	cr_assert_eq(conn_flush(d.conn), 1);
	cr_assert(arrives(p, 3000000));
	cr_assert_eq(d.conn->file, -1);
}

Test(conn, ends_when_a_file_became_shorter)
{
	d.conn->file = file_with("abc", 3);
	d.conn->file_at = 0;
	d.conn->file_left = 10;
	cr_assert_eq(conn_flush(d.conn), -EPIPE);
}

Test(conn, waits_no_longer_than_it_is_told)
{
	cr_assert_eq(conn_wait(d.conn->fd, POLLIN, 0), -ETIMEDOUT);
	cr_assert_eq(conn_wait(d.conn->fd, POLLOUT, 0), 0);
	cr_assert_eq(send(d.client, "x", 1, 0), 1);
	cr_assert_eq(conn_wait(d.conn->fd, POLLIN, 1000), 0);
}

/* ---- opening and closing ---- */

static struct conn *open_one(void)
{
	int fds[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	struct conn *c = conn_open(&d.serve, fds[0], &d.listener);
	cr_assert_not_null(c);
	c->phase = CONN_IDLE;
	return c;
}

Test(conn, belongs_to_who_opened_it)
{
	unsigned nobody = 0;
	struct conn *c = open_one();
	cr_assert_not(atomic_compare_exchange_strong(&c->owner, &nobody, CONN_OWNED));
	conn_close(&d.serve, c);
	nobody = 0;
	cr_assert_not(atomic_compare_exchange_strong(&c->owner, &nobody, CONN_OWNED), "a free one is nobody's to take");
}

Test(conn, starts_anew_in_memory_that_was_used)
{
	struct conn *c = open_one();
	c->in_epoll = false;
	c->closing = c->unread = c->continued = true;
	c->hung_up = true;
	c->seen = c->decoded = 9;
	c->addr_len = 4;
	c->port = 80;
	c->requests = 7;
	memset(c->decoder, 1, sizeof c->decoder);
	buf_append(&c->in, "abc", 3, 10);
	buf_append(&c->out, "abc", 3, 10);
	conn_set_phase(&d.serve, c, CONN_IDLE, 1000);
	conn_close(&d.serve, c);
	struct conn *again = open_one();
	cr_assert_eq(again, c);
	cr_assert(!c->hung_up && !c->closing && !c->unread && !c->continued && !c->in_epoll);
	cr_assert(!c->seen && !c->decoded && !c->addr_len && !c->port && !c->requests && !c->deadline);
	cr_assert(!c->in.len && !c->out.len && c->file == -1);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(c->decoder[i], 0, "the framing of another's body");
}

Test(conn, counts_those_that_are_open)
{
	struct conn *list[200];
	for (int i = 0; i < 200; i++)
		list[i] = open_one();
	cr_assert_eq(d.serve.open, 201);
	for (int i = 0; i < 200; i++)
		for (int j = 0; j < i; j++)
			cr_assert_neq(list[i], list[j]);
	struct slab *newest = d.serve.slabs;
	for (int i = 0; i < 200; i++)
		conn_close(&d.serve, list[i]);
	cr_assert_eq(d.serve.open, 1);
	for (int i = 0; i < 200; i++)
		open_one();
	cr_assert_eq(d.serve.slabs, newest, "memory is used again");
}

Test(conn, is_watched_once_and_not_after_the_close)
{
	struct epoll_event e;
	struct conn *c = open_one();
	int copy = dup(c->fd); /* as a program that the application started would hold it */
	cr_assert_eq(conn_watch(&d.serve, c), 0);
	cr_assert_eq(conn_watch(&d.serve, c), 0);
	cr_assert_eq(epoll_wait(d.serve.epoll_fd, &e, 1, 0), 1);
	cr_assert_eq(e.data.ptr, &c->source);
	conn_close(&d.serve, c);
	cr_assert_eq(epoll_wait(d.serve.epoll_fd, &e, 1, 0), 0);
	close(copy);
}

/* ---- the sweep ---- */

static struct conn *visited[8];
static int visits;

static void note(struct core *core, struct conn *c)
{
	(void)core;
	cr_assert_eq(c->owner, CONN_OWNED);
	visited[visits++] = c;
	atomic_store(&c->owner, 0);
}

static struct conn *idle(uint64_t timeout_ms)
{
	struct conn *c = open_one();
	conn_set_phase(&d.serve, c, CONN_IDLE, timeout_ms);
	atomic_store(&c->owner, 0);
	return c;
}

Test(conn, is_swept_when_its_time_is_over)
{
	struct conn *late = idle(10), *later = idle(100000), *busy = idle(10), *timeless = idle(0);
	atomic_store(&busy->owner, CONN_OWNED);
	conn_close(&d.serve, open_one());
	uint64_t now = uwsgi_now_ms();
	conn_sweep(&d.core, now - 1, note);
	cr_assert_eq(visits, 0);
	conn_sweep(&d.core, now + 1000, note);
	cr_assert_eq(visits, 1);
	cr_assert_eq(visited[0], late);
	cr_assert_eq(busy->owner, CONN_OWNED);
	(void)later;
	(void)timeless;
}

Test(conn, is_swept_in_any_case_when_all_are)
{
	struct conn *all[] = { idle(10), idle(100000), idle(0) }, *busy = idle(10);
	atomic_store(&busy->owner, CONN_OWNED);
	conn_close(&d.serve, open_one());
	conn_sweep(&d.core, UINT64_MAX, note);
	cr_assert_eq(visits, 3);
	for (int i = 0; i < 3; i++)
		cr_assert(visited[i] == all[0] || visited[i] == all[1] || visited[i] == all[2]);
}

static void close_it(struct core *core, struct conn *c)
{
	visits++;
	conn_close(core->serve, c);
}

Test(conn, can_be_closed_by_the_sweep)
{
	for (int i = 0; i < 5; i++)
		idle(i);
	conn_sweep(&d.core, UINT64_MAX, close_it);
	cr_assert_eq(visits, 5);
	cr_assert_eq(d.serve.open, 1);
	conn_sweep(&d.core, UINT64_MAX, close_it);
	cr_assert_eq(visits, 5);
}
