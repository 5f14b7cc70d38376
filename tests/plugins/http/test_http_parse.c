/* test_http_parse.c - heads that mean one thing are read, all others are refused; and a head means the same whether it
 * comes in one read or in two. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../plugins/http/http.h"
#include "../../double/request_double.h"

#define HOST "Host: a\r\n"
#define GET(fields) "GET / HTTP/1.1\r\n" HOST fields "\r\n"
#define POST(fields) "POST / HTTP/1.1\r\n" HOST fields "\r\n"

/* ---- what is accepted ---- */

static const struct accepted {
	const char *head;
	const char *lines[8]; /* each a line of the dump; "!NAME=" says that there is no such line */
} accepted[] = {
	{ GET(""),
	  { "REQUEST_METHOD=GET", "REQUEST_URI=/", "PATH_INFO=/", "QUERY_STRING=", "SERVER_PROTOCOL=HTTP/1.1",
	    "HTTP_HOST=a", "body=0/0 version=11 keep=1 expect=0 head=0" } },
	{ "GET /a?b=c&d HTTP/1.0\r\n\r\n",
	  { "REQUEST_URI=/a?b=c&d", "PATH_INFO=/a", "QUERY_STRING=b=c&d", "SERVER_PROTOCOL=HTTP/1.0",
	    "REMOTE_ADDR=127.0.0.1", "REMOTE_PORT=40000",
	    "!HTTP_HOST=", "body=0/0 version=10 keep=0 expect=0 head=0" } },
	{ "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", { "REQUEST_METHOD=GET" } },
	{ "GET /?a?b HTTP/1.1\r\n" HOST "\r\n", { "QUERY_STRING=a?b" } },
	{ "GET /? HTTP/1.1\r\n" HOST "\r\n", { "PATH_INFO=/", "QUERY_STRING=" } },
	{ "GET /?a=%zz%00 HTTP/1.1\r\n" HOST "\r\n", { "QUERY_STRING=a=%zz%00" } },
	{ "GET /a/../b%20c HTTP/1.1\r\n" HOST "\r\n", { "REQUEST_URI=/a/../b%20c", "PATH_INFO=/b c" } },
	{ "GET /x.css HTTP/1.1\r\n" HOST "\r\n", { "PATH_INFO=/x.css" } },
	{ "GET /\xc3\xa9|\"<> HTTP/1.1\r\n" HOST "\r\n", { "PATH_INFO=/\xc3\xa9|\"<>" } },
	{ "GET /a?b/../c HTTP/1.1\r\n" HOST "\r\n", { "PATH_INFO=/a", "QUERY_STRING=b/../c" } },
	{ "GET / HTTP/1.7\r\n" HOST "\r\n",
	  { "SERVER_PROTOCOL=HTTP/1.7", "body=0/0 version=11 keep=1 expect=0 head=0" } },
	{ "HEAD / HTTP/1.1\r\n" HOST "\r\n", { "body=0/0 version=11 keep=1 expect=0 head=1" } },
	{ "M-SEARCH!#$%&'*+.^_`|~ / HTTP/1.1\r\n" HOST "\r\n", { "REQUEST_METHOD=M-SEARCH!#$%&'*+.^_`|~" } },
	/* forms of the target */
	{ "GET http://b.example:81/x?y HTTP/1.1\r\n" HOST "\r\n",
	  { "REQUEST_URI=http://b.example:81/x?y", "PATH_INFO=/x", "QUERY_STRING=y", "HTTP_HOST=b.example:81" } },
	{ "GET HTTP://b HTTP/1.0\r\n\r\n", { "PATH_INFO=/", "HTTP_HOST=b" } },
	{ "GET https://b?q HTTP/1.1\r\n" HOST "\r\n", { "PATH_INFO=/", "QUERY_STRING=q", "HTTP_HOST=b" } },
	{ "GET http://b/a/../c HTTP/1.1\r\n" HOST "\r\n", { "PATH_INFO=/c" } },
	{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", { "PATH_INFO=*" } },
	{ "CONNECT a.example:443 HTTP/1.1\r\n" HOST "\r\n",
	  { "REQUEST_URI=a.example:443", "body=0/0 version=11 keep=0 expect=0 head=0" } },
	/* fields */
	{ GET("X-One:  two \t\r\n"), { "HTTP_X_ONE=two" } },
	{ GET("X-Empty:\r\n"), { "HTTP_X_EMPTY=" } },
	{ GET("X-Blank:  \t \r\n"), { "HTTP_X_BLANK=" } },
	{ GET("x-low: a:b\tc\r\n"), { "HTTP_X_LOW=a:b\tc" } },
	{ GET("X-High: \xe9\xff\r\n"), { "HTTP_X_HIGH=\xe9\xff" } },
	{ GET("X-A: 1\r\nx-a: 2\r\nX-B: 3\r\nX-A: \r\n"), { "HTTP_X_A=1, 2, ", "HTTP_X_B=3" } },
	{ GET("Cookie: a=b\r\nCookie: c=d\r\n"), { "HTTP_COOKIE=a=b; c=d" } },
	{ GET("X_Under: 1\r\nX-Under: 2\r\n"), { "HTTP_X_UNDER=2" } },
	{ GET("Content_Length: 5\r\n"), { "!CONTENT_LENGTH=", "body=0/0 version=11 keep=1 expect=0 head=0" } },
	{ GET("Proxy: evil\r\n"), { "!HTTP_PROXY=" } },
	{ GET("Content-Type: text/plain\r\n"), { "CONTENT_TYPE=text/plain", "!HTTP_CONTENT_TYPE=" } },
	{ GET("X-Forwarded-For: 1\r\nX-Forwarded-For: 2\r\n"), { "HTTP_X_FORWARDED_FOR=1, 2" } },
	{ "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", { "HTTP_HOST=[::1]:80" } },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", { "HTTP_HOST=" } },
	{ "GET / HTTP/1.1\r\nhOST: a_b.c-d:\r\n\r\n", { "HTTP_HOST=a_b.c-d:" } },
	/* framing */
	{ POST("Content-Length: 12\r\n"), { "CONTENT_LENGTH=12", "body=1/12 version=11 keep=1 expect=0 head=0" } },
	{ POST("Content-Length: 0\r\n"), { "CONTENT_LENGTH=0", "body=0/0 version=11 keep=1 expect=0 head=0" } },
	{ POST("content-length:007\r\n"), { "body=1/7 version=11 keep=1 expect=0 head=0" } },
	{ POST("Transfer-Encoding: chunked\r\n"),
	  { "HTTP_TRANSFER_ENCODING=chunked", "body=2/-1 version=11 keep=1 expect=0 head=0" } },
	{ POST("transfer-encoding:\tChUnKeD \r\n"), { "body=2/-1 version=11 keep=1 expect=0 head=0" } },
	{ GET("Connection: close\r\n"), { "body=0/0 version=11 keep=0 expect=0 head=0" } },
	{ GET("Connection: Upgrade, CLOSE\r\n"), { "body=0/0 version=11 keep=0 expect=0 head=0" } },
	{ GET("Connection: keep-alive\r\nConnection: close\r\n"), { "body=0/0 version=11 keep=0 expect=0 head=0" } },
	{ GET("Connection: closed\r\n"), { "body=0/0 version=11 keep=1 expect=0 head=0" } },
	{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", { "body=0/0 version=10 keep=1 expect=0 head=0" } },
	{ POST("Expect: 100-Continue\r\nContent-Length: 1\r\n"), { "body=1/1 version=11 keep=1 expect=1 head=0" } },
	{ GET("Expect: 100-continue\r\n"), { "body=0/0 version=11 keep=1 expect=0 head=0" } },
	{ "POST / HTTP/1.0\r\nExpect: magic\r\nContent-Length: 1\r\n\r\n",
	  { "body=1/1 version=10 keep=0 expect=0 head=0" } },
};

/* ---- what is refused ---- */

static const struct refused {
	const char *head;
	int rc;
} refused[] = {
	/* request line */
	{ "GET /\r\n\r\n", -400 },
	{ "GET / \r\n\r\n", -400 },
	{ "GET  / HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET /  HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET / HTTP/1.1 \r\n" HOST "\r\n", -400 },
	{ "GET\t/\tHTTP/1.1\r\n" HOST "\r\n", -400 },
	{ " GET / HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "\nGET / HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GE(T / HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET: / HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "/ HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET / HTTP/1.1\n" HOST "\r\n", -400 },
	{ "GET / HTTP/1.1\r" HOST "\r\n\r\n", -400 },
	{ "GET / HTTP/11\r\n" HOST "\r\n", -400 },
	{ "GET / HTTP/1.10\r\n" HOST "\r\n", -400 },
	{ "GET / HTTP/1.\r\n" HOST "\r\n", -400 },
	{ "GET / HTTP/a.b\r\n" HOST "\r\n", -400 },
	{ "GET / http/1.1\r\n" HOST "\r\n", -400 },
	{ "GET / XTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET / HTTP/2.0\r\n" HOST "\r\n", -505 },
	{ "GET / HTTP/0.9\r\n" HOST "\r\n", -505 },
	{ "PRI * HTTP/2.0\r\n\r\n", -505 },
	{ "\x16\x03\x01\x02\x01", -400 },
	/* targets */
	{ "GET /a b HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET /#f HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET /?a#f HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET /\x01 HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET /\x7f HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET /%00 HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET /%zz HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET /%2 HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET * HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET ** HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET a/b HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET ?a HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET a:80 HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET http:// HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET http:///x HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET http://u:p@a/ HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "GET http://a,b/ HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "CONNECT / HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "CONNECT a HTTP/1.1\r\n" HOST "\r\n", -400 },
	{ "CONNECT a:1/x HTTP/1.1\r\n" HOST "\r\n", -400 },
	/* Host */
	{ "GET / HTTP/1.1\r\n\r\n", -400 },
	{ "GET http://a/ HTTP/1.1\r\n\r\n", -400 },
	{ GET("Host: a\r\n"), -400 },
	{ "GET / HTTP/1.0\r\n" HOST HOST "\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost: []\r\n\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost: [x]\r\n\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost: a%41\r\n\r\n", -400 },
	/* field lines */
	{ GET("NoColon\r\n"), -400 },
	{ GET(": empty\r\n"), -400 },
	{ GET("X : y\r\n"), -400 },
	{ GET("X\t: y\r\n"), -400 },
	{ GET(" X: y\r\n"), -400 },
	{ GET("X: y\r\n z\r\n"), -400 },
	{ GET("X: y\r\n\tz\r\n"), -400 },
	{ "GET / HTTP/1.1\r\n Host: a\r\n\r\n", -400 },
	{ GET("X(Y): z\r\n"), -400 },
	{ GET("X\xc3\xa9: z\r\n"), -400 },
	{ GET("X: a\rb\r\n"), -400 },
	{ GET("X: a\nY: b\r\n"), -400 },
	{ GET("X: a\x01\r\n"), -400 },
	{ GET("X: a\x7f\r\n"), -400 },
	{ GET("X: a\x0b\r\n"), -400 },
	{ GET("X: a\r\r\n"), -400 },
	{ "GET / HTTP/1.1\r\nHost: a\n\n", -400 },
	{ GET("Content-Type: a\r\nContent-Type: b\r\n"), -400 },
	{ GET("Authorization: a\r\nauthorization: a\r\n"), -400 },
	/* framing: the ways to smuggle a request */
	{ POST("Content-Length: 5\r\nContent-Length: 5\r\n"), -400 },
	{ POST("Content-Length: 5\r\ncontent-length: 6\r\n"), -400 },
	{ POST("Content-Length: 5, 5\r\n"), -400 },
	{ POST("Content-Length: 5 5\r\n"), -400 },
	{ POST("Content-Length:\r\n"), -400 },
	{ POST("Content-Length: +5\r\n"), -400 },
	{ POST("Content-Length: -5\r\n"), -400 },
	{ POST("Content-Length: 0x5\r\n"), -400 },
	{ POST("Content-Length: 5.0\r\n"), -400 },
	{ POST("Content-Length: 1_0\r\n"), -400 },
	{ POST("Content-Length: \xd9\xa5\r\n"), -400 },
	{ POST("Content-Length: 99999999999999999999\r\n"), -413 },
	{ POST("Content-Length : 5\r\n"), -400 },
	{ POST("Content-Length\x0b: 5\r\n"), -400 },
	{ POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), -400 },
	{ POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), -400 },
	{ POST("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), -400 },
	{ POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), -400 },
	{ POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), -400 },
	{ POST("Transfer-Encoding: chunked, chunked\r\n"), -400 },
	{ POST("Transfer-Encoding: identity, chunked\r\n"), -400 },
	{ POST("Transfer-Encoding: chunked, identity\r\n"), -400 },
	{ POST("Transfer-Encoding: chunked;q=1\r\n"), -400 },
	{ POST("Transfer-Encoding: \"chunked\"\r\n"), -400 },
	{ POST("Transfer-Encoding: \x0b"
	       "chunked\r\n"),
	  -400 },
	{ POST("Transfer-Encoding:\r\n"), -400 },
	{ POST("Transfer-Encoding: ,chunked\r\n"), -400 },
	{ POST("Transfer-Encoding:\r\n chunked\r\n"), -400 },
	{ POST("Transfer-Encoding : chunked\r\n"), -400 },
	{ POST("X: y\nTransfer-Encoding: chunked\r\n"), -400 },
	{ POST("X: y\rTransfer-Encoding: chunked\r\n"), -400 },
	{ POST("Transfer-Encoding: gzip\r\n"), -501 },
	{ POST("Transfer-Encoding: identity\r\n"), -501 },
	{ POST("Transfer-Encoding: xchunked\r\n"), -501 },
	{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", -400 },
	/* expectations */
	{ POST("Expect: 200-ok\r\nContent-Length: 1\r\n"), -417 },
	{ POST("Expect: 100-continue\r\nExpect: x\r\n"), -417 },
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* ---- helpers ---- */

/* Parse text[0..n) given as two reads, the first of `cut` bytes. */
static int parse_in_two(struct request_double *d, const char *text, size_t n, size_t cut, char **buf_r)
{
	char *buf = malloc(n);
	size_t seen = 0;
	int rc;

	request_double_init(d);
	memcpy(buf, text, n);
	*buf_r = buf;
	if (cut > 0 && cut < n) {
		char *first = malloc(cut); /* exactly what was read, for the sanitizer */
		memcpy(first, text, cut);
		rc = http_parse(&d->req, first, cut, &seen);
		free(first);
		if (rc != 0)
			return rc;
		cr_assert_eq(d->req.nvars, 0, "an incomplete head leaves no variables");
	}
	return http_parse(&d->req, buf, n, &seen);
}

/* Does a line of the dump begin with `text`, and end there if it is to be the `whole` line? */
static bool has_line(const char *dump, const char *text, bool whole)
{
	size_t n = strlen(text);

	for (const char *at = dump; *at; at = strchr(at, '\n') + 1)
		if (!strncmp(at, text, n) && (!whole || at[n] == '\n'))
			return true;
	return false;
}

/* ---- tests ---- */

Test(http_parse, accepts_what_has_one_meaning)
{
	for (size_t i = 0; i < COUNT(accepted); i++) {
		const struct accepted *row = &accepted[i];
		struct request_double d;
		char dump[4096], *buf;
		int rc = parse_in_two(&d, row->head, strlen(row->head), 0, &buf);

		cr_assert_eq(rc, (int)strlen(row->head), "%s: %d", row->head, rc);
		request_double_dump(&d, dump, sizeof dump);
		for (int k = 0; k < 8 && row->lines[k]; k++) {
			const char *line = row->lines[k];
			if (line[0] == '!')
				cr_assert_not(has_line(dump, line + 1, false), "%s: %s in\n%s", row->head, line, dump);
			else
				cr_assert(has_line(dump, line, true), "%s: no %s in\n%s", row->head, line, dump);
		}
		request_double_fini(&d);
		free(buf);
	}
}

Test(http_parse, variables_come_in_the_promised_order)
{
	static const char expected[] =
		"REQUEST_METHOD=GET\nREQUEST_URI=/\nPATH_INFO=/\nQUERY_STRING=\n"
		"SERVER_PROTOCOL=HTTP/1.1\nREMOTE_ADDR=127.0.0.1\nREMOTE_PORT=40000\nHTTP_HOST=a\n";
	struct request_double d;
	char dump[4096], *buf;

	parse_in_two(&d, accepted[0].head, strlen(accepted[0].head), 0, &buf);
	cr_assert_eq(strncmp(request_double_dump(&d, dump, sizeof dump), expected, strlen(expected)), 0, "%s", dump);
	request_double_fini(&d);
	free(buf);
}

Test(http_parse, refuses_what_has_two_meanings)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct request_double d;
		char *buf;
		int rc = parse_in_two(&d, refused[i].head, strlen(refused[i].head), 0, &buf);

		cr_assert_eq(rc, refused[i].rc, "%s: %d", refused[i].head, rc);
		request_double_fini(&d);
		free(buf);
	}
}

Test(http_parse, a_head_cut_anywhere_means_the_same)
{
	for (size_t i = 0; i < COUNT(accepted) + COUNT(refused); i++) {
		bool good = i < COUNT(accepted);
		const char *head = good ? accepted[i].head : refused[i - COUNT(accepted)].head;
		size_t n = strlen(head);
		struct request_double whole, halves;
		char whole_dump[4096], halves_dump[4096], *whole_buf, *halves_buf;
		int expected = parse_in_two(&whole, head, n, 0, &whole_buf);

		request_double_dump(&whole, whole_dump, sizeof whole_dump);
		for (size_t cut = 1; cut < n; cut++) {
			cr_assert_eq(parse_in_two(&halves, head, n, cut, &halves_buf), expected, "%s cut at %zu", head,
				     cut);
			if (good)
				cr_assert_str_eq(request_double_dump(&halves, halves_dump, sizeof halves_dump),
						 whole_dump);
			request_double_fini(&halves);
			free(halves_buf);
		}
		request_double_fini(&whole);
		free(whole_buf);
	}
}

Test(http_parse, what_follows_the_head_is_not_its_business)
{
	static const char *const after[] = { "body", "\r\n\r\n", "\n", "\0", "GET / HTTP/1.1\r\nHost: b\r\n\r\n" };

	for (size_t i = 0; i < COUNT(accepted); i++) {
		for (size_t k = 0; k < COUNT(after); k++) {
			char text[1024], *buf;
			struct request_double d;
			size_t n = strlen(accepted[i].head), more = strlen(after[k]) + (k == 3);

			memcpy(text, accepted[i].head, n);
			memcpy(text + n, after[k], more);
			cr_assert_eq(parse_in_two(&d, text, n + more, 0, &buf), (int)n, "%s + %zu", accepted[i].head,
				     k);
			request_double_fini(&d);
			free(buf);
		}
	}
}

Test(http_parse, a_slow_head_is_scanned_once)
{
	static const char head[] = GET("X-A: 1\r\nX-B: 2\r\n");
	struct request_double d;
	size_t seen = 0;
	char buf[sizeof head];

	request_double_init(&d);
	memcpy(buf, head, sizeof head);
	for (size_t n = 1; n < sizeof head - 1; n++) {
		cr_assert_eq(http_parse(&d.req, buf, n, &seen), 0);
		cr_assert_eq(seen, n);
	}
	cr_assert_eq(http_parse(&d.req, buf, sizeof head - 1, &seen), (int)sizeof head - 1);
	request_double_fini(&d);
}

/* A head of `count` lines made from `format`; too many for the double's variables or for anybody's patience. */
static int parse_many(const char *format, int count)
{
	char *text = malloc(32 * (size_t)count + 64), *buf;
	int n = sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\n"), rc;
	struct request_double d;

	for (int i = 0; i < count; i++)
		n += sprintf(text + n, format, i);
	n += sprintf(text + n, "\r\n");
	rc = parse_in_two(&d, text, (size_t)n, 0, &buf);
	request_double_fini(&d);
	free(buf);
	free(text);
	return rc;
}

Test(http_parse, too_many_fields_are_refused)
{
	cr_assert_gt(parse_many("X-%d: y\r\n", DOUBLE_VARS_MAX / 2), 0);
	cr_assert_eq(parse_many("X-%d: y\r\n", DOUBLE_VARS_MAX), -431);
	cr_assert_gt(parse_many("X-Same: %d\r\n", 100), 0);
	cr_assert_eq(parse_many("X-Same: %d\r\n", 2000), -431);
}

Test(http_parse, names_beyond_the_table_still_arrive)
{
	for (int i = 0; i < 4000; i++) {
		struct request_double d;
		char text[128], dump[4096], line[64], *buf;
		int n = sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\nX-Odd-%d: 1\r\nX-ODD-%d: 2\r\n\r\n", i, i);

		cr_assert_eq(parse_in_two(&d, text, (size_t)n, 0, &buf), n);
		sprintf(line, "HTTP_X_ODD_%d=1, 2", i);
		cr_assert(has_line(request_double_dump(&d, dump, sizeof dump), line, true), "%s", dump);
		request_double_fini(&d);
		free(buf);
	}
}

/* ---- the differential test ---- */

/* How a forgiving reader might see a head: any line end, blanks around names, any position of a number. */
struct lenient {
	int lengths, codings;
	long first_length;
};

static struct lenient read_leniently(const char *head, size_t n)
{
	struct lenient seen = { 0 };

	for (const char *line = head, *end = head + n; line < end;) {
		const char *stop = line, *colon;
		char name[64];
		size_t len = 0;

		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		colon = memchr(line, ':', (size_t)(stop - line));
		for (const char *c = line; colon && c < colon && len < 63; c++)
			if ((unsigned char)*c > ' ' && *c != 0x7f)
				name[len++] = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
		name[len] = '\0';
		if (!strcmp(name, "content-length") && !seen.lengths++)
			seen.first_length = strtol(colon + 1, NULL, 10);
		seen.codings += !strcmp(name, "transfer-encoding");
		line = stop + 1;
	}
	return seen;
}

/* Put every nasty byte at every place of every framing message: what is still accepted must frame the same way in the
 * eyes of a forgiving reader. */
Test(http_parse, agrees_with_a_forgiving_reader_on_all_it_accepts)
{
	static const char nasty[] = { '\0', '\t', '\n', '\v', '\r',   ' ',    ',',   ':',
				      ';',  '0',  '_',	'-',  '\x7f', '\x80', '\xff' };
	unsigned still_accepted = 0;

	for (size_t i = 0; i < COUNT(accepted); i++) {
		size_t n = strlen(accepted[i].head);
		for (size_t at = 0; at < n * sizeof nasty * 2; at++) {
			size_t place = at / 2 / sizeof nasty, insert = at & 1;
			char text[1024], *buf;
			struct request_double d;
			struct lenient other;
			int rc;

			memcpy(text, accepted[i].head, place);
			text[place] = nasty[at / 2 % sizeof nasty];
			memcpy(text + place + 1, accepted[i].head + place + 1 - insert, n - place - 1 + insert);
			rc = parse_in_two(&d, text, n + insert, 0, &buf);
			if (rc > 0) {
				other = read_leniently(text, (size_t)rc);
				still_accepted++;
				cr_assert_eq(d.req.body == UWSGI_BODY_CHUNKED, other.codings > 0, "%s", text);
				cr_assert(other.lengths <= 1 && (other.lengths == 0 || other.codings == 0), "%s", text);
				if (other.lengths)
					cr_assert_eq(d.req.content_length, other.first_length, "%s", text);
				cr_assert_null(memchr(text, '\0', (size_t)rc));
			}
			request_double_fini(&d);
			free(buf);
		}
	}
	cr_assert_gt(still_accepted, 1000);
}
