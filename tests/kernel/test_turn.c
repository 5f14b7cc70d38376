/* A connection has one owner, who works on it as far as it goes, and parts with its client so that nothing is lost. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../double/serve_double.h"
#include "recycle.h"
#include "turn.h"

static struct serve_double d;
static struct recycle_settings recycle;
static int runs;

/* A request is a line; "last" says that it is the last, "huge" that more will come than is taken. */
static int parse(struct uwsgi_request *req, char *buf, size_t len, size_t *seen)
{
	char *end = memchr(buf, '\n', len);
	(void)seen;
	if (!end)
		return 0;
	if (!strncmp(buf, "huge", 4))
		return -413;
	req->http_version = 11;
	req->keep_alive = strncmp(buf, "last", 4);
	return (int)(end - buf) + 1;
}

static int answer(struct uwsgi_request *req)
{
	runs++;
	uwsgi_response_status(req, "200 OK", 6);
	return uwsgi_response_body(req, &(struct iovec){ "well", 4 }, 1);
}

static const struct uwsgi_plugin plugin = { .name = "test", .request = answer };

static void begin(void)
{
	serve_double_init(&d);
	d.settings.keep_alive = 1;
	d.settings.disable_logging = true;
	d.patience.head_timeout = 10;
	d.protocol.parse = parse;
	d.serve.recycle = &recycle;
	d.serve.handlers[0] = &plugin;
	d.core.scratch = malloc(d.serve.read_size);
	d.conn->phase = CONN_IDLE;
	atomic_store(&d.conn->owner, 0);
	runs = 0;
}

TestSuite(turn, .init = begin, .timeout = 20);

static void say(const char *bytes)
{
	cr_assert_eq(send(d.client, bytes, strlen(bytes), 0), (ssize_t)strlen(bytes));
}

static void event(uint32_t events)
{
	turn_event(&d.conn->source, events, &d.core);
}

Test(turn, goes_as_far_as_it_can_and_is_given_back)
{
	say("one\ntwo\nthr");
	event(EPOLLIN);
	cr_expect_eq(runs, 2);
	cr_expect_eq(atomic_load(&d.conn->owner), 0);
	cr_expect(d.conn->in_epoll, "the rest is waited for");
	cr_expect_neq(atomic_load(&d.conn->deadline), 0, "but not for ever");
}

Test(turn, leaves_a_mark_on_a_connection_that_somebody_has)
{
	atomic_store(&d.conn->owner, CONN_OWNED);
	say("one\n");
	event(EPOLLIN);
	cr_expect_eq(runs, 0);
	cr_expect_eq(atomic_load(&d.conn->owner), CONN_OWNED | CONN_PENDING);
	turn_let_go(&d.core, d.conn);
	cr_expect_eq(runs, 1, "its owner looks again");
	cr_expect_eq(atomic_load(&d.conn->owner), 0);
}

Test(turn, gives_back_what_has_no_mark)
{
	atomic_store(&d.conn->owner, CONN_OWNED);
	say("one\n");
	turn_let_go(&d.core, d.conn);
	cr_expect_eq(runs, 0);
	cr_expect_eq(atomic_load(&d.conn->owner), 0);
}

Test(turn, puts_aside_a_connection_with_many_requests)
{
	char many[2 * 40 + 1];
	for (int i = 0; i < 40; i++)
		memcpy(many + (ptrdiff_t)i * 2, "x\n", 3);
	say(many);
	event(EPOLLIN);
	cr_expect_eq(runs, 32);
	cr_expect_eq(d.core.again, d.conn);
	cr_expect(atomic_load(&d.conn->owner) & CONN_OWNED, "no event may take it");
	turn_run(&d.core, d.conn);
	cr_expect_eq(runs, 40);
}

Test(turn, closes_after_the_last_request)
{
	say("last\n");
	event(EPOLLIN);
	cr_expect_eq(d.conn->phase, CONN_FREE);
	cr_expect(strstr(serve_double_got(&d), "well"));
	cr_expect_null(serve_double_got(&d));
}

Test(turn, lets_a_client_that_still_sends_read_its_answer)
{
	char byte;
	d.serve.read_size = 5; /* the rest stays where it is */
	say("last\nand more that nobody will read");
	event(EPOLLIN);
	cr_expect_eq(d.conn->phase, CONN_LINGER);
	cr_expect(strstr(serve_double_got(&d), "well"));
	cr_expect_eq(recv(d.client, &byte, 1, 0), 0, "it is told that there is no more");
	say("still more");
	event(EPOLLIN);
	cr_expect_eq(d.conn->phase, CONN_LINGER);
	close(d.client);
	event(EPOLLIN | EPOLLRDHUP);
	cr_expect_eq(d.conn->phase, CONN_FREE);
}

Test(turn, waits_for_the_rest_of_what_was_refused)
{
	say("huge\n");
	event(EPOLLIN);
	cr_expect_eq(d.conn->phase, CONN_LINGER);
	cr_expect(strstr(serve_double_got(&d), " 413 "));
}

Test(turn, serves_what_came_together_with_the_end)
{
	say("one\n");
	shutdown(d.client, SHUT_WR);
	event(EPOLLIN | EPOLLRDHUP);
	cr_expect_eq(runs, 1);
	cr_expect_eq(d.conn->phase, CONN_FREE, "no later event tells");
}

Test(turn, closes_between_two_requests_when_the_worker_ends)
{
	atomic_store(&d.serve.draining, true);
	event(EPOLLIN);
	cr_expect_neq(d.conn->phase, CONN_FREE, "its first request is on its way");
	say("one\n");
	event(EPOLLIN);
	cr_expect_eq(runs, 1);
	cr_expect_eq(d.conn->phase, CONN_FREE);
}
