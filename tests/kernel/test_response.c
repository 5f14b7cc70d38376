/* Answers: framed so that the client knows where each ends, and holding nothing that could be taken for another. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../double/serve_double.h"
#include "response.h"

static struct serve_double d;

static void begin(void)
{
	serve_double_init(&d);
}

TestSuite(response, .init = begin);

static int status(const char *text)
{
	return uwsgi_response_status(d.req, text, strlen(text));
}

static int header(const char *name, const char *value)
{
	return uwsgi_response_header(d.req, name, strlen(name), value, strlen(value));
}

static int body(const char *text)
{
	struct iovec iov = { (void *)text, strlen(text) };
	return uwsgi_response_body(d.req, &iov, 1);
}

static int writes(const char *text)
{
	return uwsgi_response_write(d.req, text, strlen(text));
}

/* ---- framing ---- */

enum { KEEP = 1, CLOSE = 0 };

Test(response, is_framed_by_the_rules_of_its_version)
{
	/* the application sends the header, then "abc" at once (whole) or in pieces of one write each */
	static const struct {
		const char *what;
		int version;
		bool head, whole;
		const char *status, *name, *value;
		const char *wire;
		int keep;
	} rows[] = {
		{ "whole", 11, 0, 1, "200 OK", NULL, NULL, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", KEEP },
		{ "whole, 1.0", 10, 0, 1, "200 OK", NULL, NULL,
		  "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc", KEEP },
		{ "whole, 0.9", 9, 0, 1, "200 OK", NULL, NULL,
		  "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc", KEEP },
		{ "pieces", 11, 0, 0, "200 OK", NULL, NULL,
		  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", KEEP },
		{ "pieces, 1.0", 10, 0, 0, "200 OK", NULL, NULL, "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nabc",
		  CLOSE },
		{ "length given", 11, 0, 0, "200 OK", "Content-Length", "3",
		  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", KEEP },
		{ "length given, whole", 11, 0, 1, "200 OK", "content-length", "3",
		  "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", KEEP },
		{ "longer than it said", 11, 0, 0, "200 OK", "Content-Length", "2",
		  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", KEEP },
		{ "longer than it said, whole", 11, 0, 1, "200 OK", "Content-Length", "2",
		  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", KEEP },
		{ "shorter than it said", 11, 0, 0, "200 OK", "Content-Length", "5",
		  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", CLOSE },
		{ "shorter than it said, whole", 11, 0, 1, "200 OK", "Content-Length", "5",
		  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", CLOSE },
		{ "HEAD, whole", 11, 1, 1, "200 OK", NULL, NULL, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", KEEP },
		{ "HEAD, pieces", 11, 1, 0, "200 OK", NULL, NULL, "HTTP/1.1 200 OK\r\n\r\n", KEEP },
		{ "HEAD, length given", 11, 1, 0, "200 OK", "Content-Length", "9",
		  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", KEEP },
		{ "204", 11, 0, 1, "204 No Content", NULL, NULL, "HTTP/1.1 204 No Content\r\n\r\n", KEEP },
		{ "204, length given", 11, 0, 0, "204 No Content", "Content-Length", "3",
		  "HTTP/1.1 204 No Content\r\n\r\n", KEEP },
		{ "204, coding given", 11, 0, 0, "204 No Content", "Transfer-Encoding", "chunked",
		  "HTTP/1.1 204 No Content\r\n\r\n", KEEP },
		{ "304", 11, 0, 0, "304 Not Modified", NULL, NULL, "HTTP/1.1 304 Not Modified\r\n\r\n", KEEP },
		{ "304, length given", 11, 0, 1, "304 Not Modified", "Content-Length", "9",
		  "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", KEEP },
		{ "101", 11, 0, 0, "101 Switching Protocols", "Connection", "upgrade",
		  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n", CLOSE },
		{ "own coding", 11, 0, 0, "200 OK", "Transfer-Encoding", "x",
		  "HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\nConnection: close\r\n\r\nabc", CLOSE },
		{ "wants to close", 11, 0, 1, "200 OK", "Connection", "Close",
		  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", CLOSE },
		{ "cannot insist on keep-alive", 10, 0, 0, "200 OK", "Connection", "keep-alive",
		  "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nabc", CLOSE },
		{ "Keep-Alive is ours", 11, 0, 1, "200 OK", "Keep-Alive", "timeout=5",
		  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", KEEP },
		{ "a bare code", 11, 0, 1, "404", NULL, NULL, "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc",
		  KEEP },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		serve_double_begin(&d);
		d.req->http_version = (uint8_t)rows[i].version;
		d.req->is_head = rows[i].head;
		cr_expect_eq(status(rows[i].status), 0, "%s", rows[i].what);
		if (rows[i].name)
			cr_expect_eq(header(rows[i].name, rows[i].value), 0, "%s", rows[i].what);
		cr_expect_geq(rows[i].whole ? body("abc") : writes("abc"), 0, "%s", rows[i].what);
		bool keep = response_finish(&d.core.req);
		const char *got = serve_double_got(&d);
		cr_expect_str_eq(got, rows[i].wire, "%s: got\n%s", rows[i].what, got);
		cr_expect_eq(keep, rows[i].keep, "%s", rows[i].what);
		cr_expect_eq(d.req->keep_alive, keep, "%s", rows[i].what);
	}
}

Test(response, says_when_nothing_more_is_wanted)
{
	status("200 OK");
	header("Content-Length", "4");
	cr_assert_eq(writes("ab"), 0);
	cr_assert_eq(writes("cde"), 0);
	cr_assert_eq(writes("f"), 1);
	cr_assert(response_finish(&d.core.req));
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd");
}

Test(response, does_not_end_a_body_that_failed_on_the_way)
{
	status("200 OK");
	writes("abc");
	cr_assert_eq(uwsgi_response_error(d.req, 500), -EALREADY);
	cr_assert_not(response_finish(&d.core.req));
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
}

Test(response, closes_a_packet_protocol_without_saying_so)
{
	d.protocol.flags = 0;
	d.req->keep_alive = false;
	status("200 OK");
	writes("abc");
	cr_assert_not(response_finish(&d.core.req));
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\n\r\nabc");
}

Test(response, says_close_when_the_server_drains)
{
	atomic_store(&d.serve.draining, true);
	status("200 OK");
	body("abc");
	cr_assert_not(response_finish(&d.core.req));
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
}

Test(response, has_the_headers_of_the_server_on_every_answer)
{
	d.serve.extra_headers = (struct uwsgi_str){ "X-A: 1\r\n", 8 };
	status("200 OK");
	response_finish(&d.core.req);
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\n\r\n");
}

Test(response, sends_each_piece_as_a_chunk_and_no_empty_one)
{
	status("200 OK");
	cr_assert_eq(writes("abc"), 0);
	cr_assert_eq(writes(""), 0);
	cr_assert_eq(writes("0123456789abcdef"), 0);
	response_finish(&d.core.req);
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
					       "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
	cr_assert_eq(d.req->body_size, 19);
}

Test(response, sends_the_head_alone_when_it_is_flushed)
{
	cr_assert_eq(uwsgi_response_flush(d.req), -EINVAL);
	status("200 OK");
	cr_assert_eq(uwsgi_response_flush(d.req), 0);
	cr_assert_eq(uwsgi_response_flush(d.req), 0);
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	cr_assert_eq(body("abc"), 0);
	response_finish(&d.core.req);
	cr_assert_str_eq(serve_double_got(&d), "3\r\nabc\r\n0\r\n\r\n");
}

Test(response, joins_many_pieces_in_order)
{
	struct iovec iov[200];
	static char text[200 * 1000 + 1];
	for (size_t i = 0; i < 200; i++) {
		memset(text + i * 1000, 'a' + (int)(i % 26), 1000);
		iov[i] = (struct iovec){ text + i * 1000, 1000 };
	}
	status("200 OK");
	cr_assert_eq(uwsgi_response_body(d.req, iov, 200), 0);
	char *copy = strdup(text);
	const char *got = serve_double_got(&d), *start = strstr(got, "\r\n\r\n") + 4;
	size_t n = strlen(start);
	cr_assert(!memcmp(start, copy, n));
	cr_assert_eq(n + serve_double_drain(&d, 200 * 1000 - n), 200 * 1000);
}

/* ---- what an application may not say ---- */

Test(response, refuses_a_status_that_is_none)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{ "", 0 },
		{ "20", 2 },
		{ "20x", 3 },
		{ "200OK", 5 },
		{ "099 Low", 7 },
		{ "OK 200", 6 },
		{ "200 O\rK", 7 },
		{ "200 O\nK", 7 },
		{ "200 O\0K", 7 },
		{ "200 OK\r\nX: y", 12 },
		{ " 200 OK", 7 },
		{ "-20 OK", 6 },
		/* interim answers are the server's: the client would take what follows for the final one */
		{ "100 Continue", 12 },
		{ "103 Early Hints", 15 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(uwsgi_response_status(d.req, rows[i].text, rows[i].len), -EINVAL, "%s", rows[i].text);
	static char long_one[600];
	memset(long_one, 'x', sizeof long_one);
	memcpy(long_one, "200 ", 4);
	cr_expect_eq(uwsgi_response_status(d.req, long_one, sizeof long_one), -EINVAL);
	cr_expect_eq(d.req->status, 0);
}

Test(response, refuses_a_header_that_could_end_a_line)
{
	static const struct {
		const char *name;
		size_t name_len;
		const char *value;
		size_t value_len;
		int result;
	} rows[] = {
		{ "X", 1, "plain", 5, 0 },	   { "X", 1, "", 0, 0 },
		{ "X", 1, "tab\tand \xff", 9, 0 }, { "X", 1, "a\r\nSet-Cookie: b", 16, -EINVAL },
		{ "X", 1, "a\nb", 3, -EINVAL },	   { "X", 1, "a\rb", 3, -EINVAL },
		{ "X", 1, "a\0b", 3, -EINVAL },	   { "X\r\nY", 4, "a", 1, -EINVAL },
		{ "X\0", 2, "a", 1, -EINVAL },	   { "X Y", 3, "a", 1, -EINVAL },
		{ "X:", 2, "a", 1, -EINVAL },	   { "", 0, "a", 1, -EINVAL },
		{ "X\xe9", 2, "a", 1, -EINVAL },
	};
	cr_assert_eq(header("X", "y"), -EINVAL, "no status yet");
	status("200 OK");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(
			uwsgi_response_header(d.req, rows[i].name, rows[i].name_len, rows[i].value, rows[i].value_len),
			rows[i].result, "row %zu", i);
	response_finish(&d.core.req);
	cr_assert_str_eq(serve_double_got(&d),
			 "HTTP/1.1 200 OK\r\nX: plain\r\nX: \r\nX: tab\tand \xff\r\nContent-Length: 0\r\n\r\n");
}

Test(response, refuses_a_length_that_is_none_or_another)
{
	static const char *const rows[] = { "", "-1", "+1", " 1", "1 ", "1,1", "0x1", "1.0", "9999999999999999999" };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		status("200 OK");
		cr_expect_eq(header("Content-Length", rows[i]), -EINVAL, "%s", rows[i]);
	}
	status("200 OK");
	cr_assert_eq(header("Content-Length", "3"), 0);
	cr_assert_eq(header("Content-Length", "3"), -EINVAL);
}

Test(response, refuses_two_ways_to_say_where_it_ends)
{
	status("200 OK");
	cr_assert_eq(header("Content-Length", "3"), 0);
	cr_assert_eq(header("Transfer-Encoding", "chunked"), -EINVAL);
	status("200 OK");
	cr_assert_eq(header("Transfer-Encoding", "chunked"), 0);
	cr_assert_eq(header("Content-Length", "3"), -EINVAL);
}

Test(response, refuses_a_head_that_is_too_large_and_can_still_answer)
{
	static char value[60000];
	memset(value, 'x', sizeof value);
	status("200 OK");
	cr_assert_eq(uwsgi_response_header(d.req, "A", 1, value, sizeof value), 0);
	cr_assert_eq(uwsgi_response_header(d.req, "B", 1, value, sizeof value), -E2BIG);
	uwsgi_response_error(d.req, 500);
	cr_assert_not(response_finish(&d.core.req));
	cr_assert_str_eq(serve_double_got(&d),
			 "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\n"
			 "Content-Length: 22\r\nConnection: close\r\n\r\nInternal Server Error\n");
}

/* ---- the order of things ---- */

Test(response, can_begin_again_while_nothing_was_sent)
{
	status("200 OK");
	header("Content-Length", "10");
	header("Connection", "close");
	header("X-Old", "1");
	status("404 Not Found");
	body("no");
	cr_assert(response_finish(&d.core.req));
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
	cr_assert_eq(d.req->header_count, 1);
}

Test(response, cannot_begin_again_after_that)
{
	status("200 OK");
	writes("a");
	cr_assert_eq(status("500 No"), -EALREADY);
	cr_assert_eq(header("X", "y"), -EALREADY);
	cr_assert_eq(uwsgi_response_error(d.req, 500), -EALREADY);
	cr_assert_not(d.req->keep_alive, "what was begun and failed must not look complete");
}

Test(response, needs_a_status_before_a_body)
{
	cr_assert_eq(writes("a"), -EINVAL);
	cr_assert_eq(body("a"), -EINVAL);
	cr_assert_eq(uwsgi_response_file(d.req, 0, 0, 1), -EINVAL);
}

Test(response, ends_once)
{
	status("200 OK");
	cr_assert_eq(body("abc"), 0);
	cr_assert_eq(body("abc"), -EINVAL);
	cr_assert_eq(writes("abc"), -EINVAL);
	response_finish(&d.core.req);
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
}

Test(response, is_an_error_when_the_application_gave_none)
{
	cr_assert_not(response_finish(&d.core.req));
	cr_assert(!strncmp(serve_double_got(&d), "HTTP/1.1 500 ", 13));
	cr_assert(d.core.req.failed);
}

Test(response, blames_the_client_for_a_body_that_could_not_be_read)
{
	d.core.req.body_status = 413;
	uwsgi_response_error(d.req, 500);
	cr_assert(!strncmp(serve_double_got(&d), "HTTP/1.1 413 ", 13));
}

/* ---- the client ---- */

Test(response, reports_a_client_that_went_away)
{
	static char much[1000000];
	status("200 OK");
	close(d.client);
	cr_assert_eq(uwsgi_response_write(d.req, much, sizeof much), -EPIPE);
	cr_assert(d.req->broken);
	cr_assert_eq(writes("more"), -EPIPE);
	cr_assert_not(response_finish(&d.core.req));
}

Test(response, ends_properly_before_a_disconnect)
{
	status("200 OK");
	writes("abc");
	uwsgi_request_disconnect(d.req);
	cr_assert(d.req->broken && !d.req->keep_alive);
	cr_assert_str_eq(serve_double_got(&d),
			 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
	cr_assert_null(serve_double_got(&d));
	cr_assert_eq(writes("more"), -EPIPE);
	cr_assert_not(response_finish(&d.core.req));
	cr_assert_eq(uwsgi_request_fd(d.req), d.conn->fd);
}

/* ---- files ---- */

static int file_of(const char *text)
{
	char path[] = "/tmp/test_response_XXXXXX";
	int fd = mkstemp(path);
	unlink(path);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

Test(response, sends_a_part_of_a_file)
{
	int fd = file_of("0123456789");
	status("200 OK");
	cr_assert_eq(uwsgi_response_file(d.req, fd, 2, 5), 0);
	close(fd);
	cr_assert(response_finish(&d.core.req));
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n23456");
	cr_assert_eq(d.req->body_size, 5);
	cr_assert_eq(writes("x"), -EINVAL);
}

Test(response, sends_a_file_behind_pieces)
{
	status("200 OK");
	writes("ab");
	cr_assert_eq(uwsgi_response_file(d.req, file_of("0123456789"), 0, 10), 0);
	response_finish(&d.core.req);
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
					       "2\r\nab\r\na\r\n0123456789\r\n0\r\n\r\n");
}

Test(response, sends_no_more_of_a_file_than_was_promised)
{
	status("200 OK");
	header("Content-Length", "4");
	cr_assert_eq(uwsgi_response_file(d.req, file_of("0123456789"), 0, 10), 0);
	cr_assert(response_finish(&d.core.req));
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n0123");
}

Test(response, sends_no_file_where_no_body_may_be)
{
	d.req->is_head = true;
	status("200 OK");
	cr_assert_eq(uwsgi_response_file(d.req, file_of("0123456789"), 0, 10), 0);
	cr_assert(response_finish(&d.core.req));
	cr_assert_str_eq(serve_double_got(&d), "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
	cr_assert_eq(d.conn->file, -1);
}

Test(response, breaks_off_when_a_file_is_shorter_than_it_was)
{
	status("200 OK");
	cr_assert_eq(uwsgi_response_file(d.req, file_of("0123"), 0, 10), -EPIPE);
	cr_assert_not(response_finish(&d.core.req));
}

Test(response, keeps_its_copy_of_a_file_from_other_programs)
{
	static char much[4 * 1024 * 1024];
	int fd = file_of("");
	cr_assert_eq(write(fd, much, sizeof much), (ssize_t)sizeof much);
	status("200 OK");
	cr_assert_eq(uwsgi_response_file(d.req, fd, 0, sizeof much), 0);
	cr_assert_neq(d.conn->file, -1, "the client is slow: the rest is the loop's");
	cr_assert(fcntl(d.conn->file, F_GETFD) & FD_CLOEXEC);
}
