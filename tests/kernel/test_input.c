/* What a connection brings is cut into requests: those that are complete run, the rest waits, what is too much is
 * refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../double/serve_double.h"
#include "input.h"
#include "recycle.h"

static struct serve_double d;
static struct recycle_settings recycle;
static int runs;

/* "GET 0\n\n": a head ends with an empty line, and says how long its body is. */
static int parse(struct uwsgi_request *req, char *buf, size_t len, size_t *seen)
{
	char *end = memmem(buf, len, "\n\n", 2);
	(void)seen;
	if (len > 3 && memcmp(buf, "GET ", 4))
		return -400;
	if (!end)
		return 0;
	req->http_version = 11;
	req->keep_alive = true;
	req->content_length = atoi(buf + 4);
	req->body = req->content_length ? UWSGI_BODY_LENGTH : UWSGI_BODY_NONE;
	return (int)(end - buf) + 2;
}

static int answer(struct uwsgi_request *req)
{
	char body[16];
	ssize_t n = uwsgi_body_read(req, body, 0, sizeof body);
	runs++;
	uwsgi_response_status(req, "200 OK", 6);
	return uwsgi_response_body(req, &(struct iovec){ body, (size_t)n }, 1);
}

static const struct uwsgi_plugin plugin = { .name = "test", .request = answer };

static void begin(void)
{
	serve_double_init(&d);
	d.settings.keep_alive = 1;
	d.settings.disable_logging = true;
	d.protocol.parse = parse;
	d.serve.recycle = &recycle;
	d.serve.handlers[0] = &plugin;
	d.core.scratch = malloc(d.serve.read_size);
	d.conn->phase = CONN_IDLE;
	runs = 0;
}

TestSuite(input, .init = begin, .timeout = 20);

/* What comes of these bytes. */
static int serve(const char *bytes)
{
	size_t n = strlen(bytes);
	cr_assert_eq(send(d.client, bytes, n, 0), (ssize_t)n);
	return input_serve(&d.core, d.conn);
}

static bool waits(const char *bytes)
{
	return d.conn->in.len == strlen(bytes) && !memcmp(d.conn->in.p, bytes, d.conn->in.len);
}

static void refused(int status)
{
	char line[32];
	snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
	const char *got = serve_double_got(&d);
	cr_expect(got && !strncmp(got, line, strlen(line)), "%s", got);
	cr_expect(d.conn->closing && d.conn->unread);
	cr_expect_eq(runs, 0);
}

Test(input, runs_every_request_that_is_complete)
{
	cr_assert_eq(serve("GET 0\n\nGET 0\n\nGE"), 0);
	cr_expect_eq(runs, 2);
	cr_expect(waits("GE"));
	cr_expect_eq(d.conn->phase, CONN_HEAD);
	cr_assert_eq(serve("T 0\n\n"), 0);
	cr_expect_eq(runs, 3);
	cr_expect_eq(d.conn->phase, CONN_IDLE);
	cr_expect_null(d.conn->in.p, "between two requests it has no memory");
	cr_expect_eq(d.conn->requests, 3);
}

Test(input, waits_for_a_small_body)
{
	cr_assert_eq(serve("GET 5\n\nab"), 0);
	cr_expect_eq(runs, 0);
	cr_expect_eq(d.conn->phase, CONN_BODY);
	cr_assert_eq(serve("cdeGET"), 0);
	cr_expect_eq(runs, 1);
	cr_expect(strstr(serve_double_got(&d), "\r\n\r\nabcde"));
	cr_expect(waits("GET"));
}

Test(input, lets_others_go_first_after_many_requests)
{
	char many[7 * 40 + 1];
	for (int i = 0; i < 40; i++)
		memcpy(many + (ptrdiff_t)i * 7, "GET 0\n\n", 8);
	serve(many);
	cr_expect_eq(runs, 32);
	cr_expect_eq(d.conn->phase, CONN_IDLE);
	cr_expect_eq(d.conn->in.len, 8 * 7);
	cr_expect_eq(input_serve(&d.core, d.conn), 1, "what came meanwhile was not looked at");
	cr_expect_eq(runs, 40);
	cr_expect_eq(input_serve(&d.core, d.conn), 0);
}

Test(input, may_have_more_than_was_read)
{
	d.serve.read_size = 7;
	cr_expect_eq(serve("GET 0\n\nGET 0\n\n"), 1);
	cr_expect_eq(runs, 1);
	cr_expect_eq(input_serve(&d.core, d.conn), 1);
	cr_expect_eq(runs, 2);
	cr_expect_eq(input_serve(&d.core, d.conn), 0);
}

Test(input, ends_with_its_client)
{
	cr_assert_eq(input_serve(&d.core, d.conn), 0);
	close(d.client);
	cr_assert_eq(input_serve(&d.core, d.conn), -1);
}

Test(input, refuses_what_is_no_request)
{
	cr_assert_eq(serve("HELO\n\n"), 0);
	refused(400);
	cr_expect_eq(d.conn->in.len, 0, "nothing behind it is looked at");
}

Test(input, refuses_a_head_that_is_too_large_by_what_is_to_blame)
{
	char head[4097] = "GET 0\n";
	memset(head + 6, 'x', sizeof head - 7);
	serve(head);
	refused(431);
}

Test(input, refuses_a_line_that_is_too_long)
{
	char head[4097] = "GET ";
	memset(head + 4, '0', sizeof head - 5);
	serve(head);
	refused(414);
}

Test(input, refuses_a_body_above_the_limit_before_it_comes)
{
	d.settings.limit_post = 4;
	serve("GET 5\n\n");
	refused(413);
}

Test(input, is_refused_by_a_core_that_stands_in)
{
	d.core.refuses = true;
	serve("GET 0\n\n");
	refused(503);
}

Test(input, is_not_looked_at_when_the_connection_closes)
{
	d.settings.keep_alive = 0;
	serve("GET 0\n\nGET 0\n\n");
	cr_expect_eq(runs, 1);
	cr_expect(d.conn->closing);
}
