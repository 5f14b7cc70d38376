/* Request bodies: every byte once, none of the next request's, and a reason when they do not come. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../double/serve_double.h"
#include "body.h"

static struct serve_double d;
static char buf[256];

static void begin(void)
{
	serve_double_init(&d);
	d.settings.socket_timeout = 0; /* what is not there now never comes */
}

TestSuite(body, .init = begin, .timeout = 20);

static void client_sends(const char *text)
{
	cr_assert_eq(send(d.client, text, strlen(text), 0), (ssize_t)strlen(text));
}

static ssize_t take(size_t min, size_t max)
{
	memset(buf, 0, sizeof buf);
	return uwsgi_body_read(d.req, buf, min, max);
}

/* ---- of a known length ---- */

/* A body of `length` bytes of which `ready` came with the head. */
static void body_of(int64_t length, char *ready)
{
	d.req->body = length ? UWSGI_BODY_LENGTH : UWSGI_BODY_NONE;
	d.req->content_length = length;
	body_begin(&d.core.req, ready, strlen(ready));
}

Test(body, is_empty_when_there_is_none)
{
	body_of(0, "");
	client_sends("GET / HTTP/1.1\r\n");
	cr_assert_eq(take(1, 10), 0);
	cr_assert_eq(uwsgi_body_left(d.req), 0);
	cr_assert(body_finished(&d.core.req));
}

Test(body, is_what_came_with_the_head_and_then_the_rest)
{
	body_of(10, "abcd");
	client_sends("efghijGET / HTTP/1.1\r\n");
	cr_assert_eq(uwsgi_body_left(d.req), 10);
	cr_assert_eq(take(1, 3), 3);
	cr_assert_str_eq(buf, "abc");
	cr_assert_eq(take(1, 100), 1);
	cr_assert_str_eq(buf, "d");
	cr_assert_eq(uwsgi_body_left(d.req), 6);
	cr_assert_eq(take(100, 200), 6);
	cr_assert_str_eq(buf, "efghij");
	cr_assert(body_finished(&d.core.req));
	cr_assert_eq(take(1, 10), 0);
	cr_assert_eq(recv(d.conn->fd, buf, 3, 0), 3);
	cr_assert(!memcmp(buf, "GET", 3), "the next request was not touched");
}

Test(body, does_not_wait_for_more_than_it_was_asked_for)
{
	body_of(10, "abcd");
	cr_assert_eq(take(4, 10), 4);
	cr_assert_str_eq(buf, "abcd");
}

Test(body, fails_when_its_client_goes_away)
{
	body_of(10, "ab");
	client_sends("cd");
	close(d.client);
	cr_assert_eq(take(10, 10), -ECONNRESET);
	cr_assert_eq(d.req->keep_alive, false);
	cr_assert_not(body_finished(&d.core.req));
}

Test(body, fails_when_its_client_stops)
{
	body_of(10, "ab");
	client_sends("cd");
	cr_assert_eq(take(10, 10), -ETIMEDOUT);
	cr_assert_eq(d.req->keep_alive, false);
	uwsgi_response_error(d.req, 500);
	cr_assert(!strncmp(serve_double_got(&d), "HTTP/1.1 408 ", 13), "the client is told what it did");
}

Test(body, is_not_read_from_a_connection_that_was_cut)
{
	body_of(10, "");
	uwsgi_request_disconnect(d.req);
	cr_assert_eq(take(1, 10), -ECONNRESET);
}

/* ---- the client that waits to be asked ---- */

Test(body, is_asked_for_once_when_the_client_waits)
{
	body_of(4, "");
	d.req->expect_continue = true;
	cr_assert_eq(take(1, 10), -ETIMEDOUT);
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 100 Continue\r\n\r\n");
	client_sends("abcd");
	cr_assert_eq(take(1, 2), 2);
	cr_assert_eq(take(1, 2), 2);
	cr_assert_str_eq(serve_double_got(&d), "");
}

Test(body, is_not_asked_for_behind_the_answer)
{
	body_of(4, "");
	d.req->expect_continue = true;
	uwsgi_response_status(d.req, "200 OK", 6);
	uwsgi_response_write(d.req, "x", 1);
	serve_double_got(&d);
	take(1, 10);
	cr_assert_str_eq(serve_double_got(&d), "");
}

/* ---- chunked, in a framing of our own: "3abc2de0" ---- */

static int decode(uint64_t state[4], char *p, size_t len, size_t *used_r, size_t *out_r)
{
	size_t out = 0, at = 0;
	while (at < len) {
		if (state[0]) {
			state[0]--;
			p[out++] = p[at++];
			continue;
		}
		if (p[at] < '0' || p[at] > '9')
			return -400;
		state[0] = (uint64_t)(p[at++] - '0');
		if (!state[0])
			break;
	}
	*used_r = at;
	*out_r = out;
	return at && !state[0] && p[at - 1] == '0';
}

static void chunked(char *decoded)
{
	d.protocol.decode = decode;
	d.req->body = UWSGI_BODY_CHUNKED;
	d.req->content_length = -1;
	body_begin(&d.core.req, decoded, strlen(decoded));
}

Test(body, is_taken_out_of_its_chunks)
{
	chunked("ab");
	client_sends("3cde");
	cr_assert_eq(uwsgi_body_left(d.req), -1);
	cr_assert_eq(take(4, 100), 5);
	cr_assert_str_eq(buf, "abcde");
	client_sends("1f");
	cr_assert_eq(take(1, 100), 1);
	client_sends("0");
	cr_assert_eq(take(1, 100), 0);
	cr_assert(body_finished(&d.core.req));
	cr_assert_eq(uwsgi_body_left(d.req), 0);
}

Test(body, keeps_what_was_not_asked_for)
{
	chunked("");
	client_sends("5abcde0");
	cr_assert_eq(take(1, 2), 2);
	cr_assert_eq(uwsgi_body_left(d.req), 3);
	cr_assert_not(body_finished(&d.core.req));
	cr_assert_eq(take(1, 2), 2);
	cr_assert_str_eq(buf, "cd");
	cr_assert_eq(take(100, 200), 1);
	cr_assert_str_eq(buf, "e");
}

Test(body, loses_nothing_when_more_is_wanted_than_there_is_room)
{
	chunked("");
	client_sends("5abcde");
	cr_assert_eq(take(5, 2), 2);
	cr_assert_str_eq(buf, "ab");
	client_sends("0");
	cr_assert_eq(take(5, 100), 3);
	cr_assert_str_eq(buf, "cde");
}

Test(body, hands_on_the_next_request_that_was_read_with_it)
{
	chunked("");
	client_sends("2ab0GET /next");
	cr_assert_eq(take(1, 10), 2);
	cr_assert_eq(d.core.req.after.len, 9);
	cr_assert(!memcmp(d.core.req.after.p, "GET /next", 9));
}

Test(body, leaves_the_head_where_it_is)
{
	static char head[] = "HTTP_HOST";
	chunked("");
	uwsgi_request_add_var(d.req, NULL, (struct uwsgi_str){ head, 9 }, (struct uwsgi_str){ head, 4 });
	client_sends("9xxxxxxxxx0");
	take(1, 100);
	cr_assert(!memcmp(d.req->vars[0].name.p, "HTTP_HOST", 9));
	cr_assert_neq(d.core.chunks, d.core.scratch);
}

Test(body, is_refused_when_its_framing_is_broken)
{
	chunked("");
	client_sends("3abcx");
	cr_assert_eq(take(1, 100), -EPROTO);
	cr_assert_eq(d.req->keep_alive, false);
	uwsgi_response_error(d.req, 500);
	cr_assert(!strncmp(serve_double_got(&d), "HTTP/1.1 400 ", 13));
}

Test(body, is_refused_when_it_grows_beyond_the_limit)
{
	chunked("");
	d.settings.limit_post = 4;
	client_sends("3abc3def0");
	cr_assert_eq(take(1, 3), 3);
	cr_assert_eq(take(1, 3), -EFBIG);
	cr_assert_eq(take(1, 3), -EFBIG);
	uwsgi_response_error(d.req, 500);
	cr_assert(!strncmp(serve_double_got(&d), "HTTP/1.1 413 ", 13));
}

Test(body, fails_when_the_client_goes_away_between_chunks)
{
	chunked("");
	client_sends("2ab");
	close(d.client);
	cr_assert_eq(take(1, 100), 2);
	cr_assert_eq(take(1, 100), -ECONNRESET);
}
