/* test_http_chunk.c - chunked bodies, whole and in every two pieces. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../plugins/http/http.h"

static const struct {
	const char *in;
	int rc;		   /* of the whole: 1 complete, 0 incomplete, -STATUS */
	const char *out;   /* payload when not refused */
	const char *after; /* bytes left for the next message */
} rows[] = {
	{ "0\r\n\r\n", 1, "", "" },
	{ "5\r\nhello\r\n0\r\n\r\n", 1, "hello", "" },
	{ "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 1, "hello world", "" },
	{ "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n", 1, "hello", "GET / HTTP/1.1\r\n" },
	{ "a\r\n0123456789\r\n0\r\n\r\n", 1, "0123456789", "" },
	{ "A\r\n0123456789\r\n0\r\n\r\n", 1, "0123456789", "" },
	{ "0000a\r\n0123456789\r\n000\r\n\r\n", 1, "0123456789", "" },
	{ "4\r\n\r\n\r\n\r\n0\r\n\r\n", 1, "\r\n\r\n", "" },
	{ "1;a=b\r\nx\r\n0;c\r\n\r\n", 1, "x", "" },
	{ "1;a=\"q; q\"\r\nx\r\n0\r\n\r\n", 1, "x", "" },
	{ "0\r\nX-Trailer: yes\r\nY: \r\n\r\nrest", 1, "", "rest" },
	{ "5\r\nhel", 0, "hel", "" },
	{ "5", 0, "", "" },
	{ "", 0, "", "" },
	{ "0\r\n", 0, "", "" },
	{ "0\r\n\r", 0, "", "" },
	/* sizes */
	{ "\r\n", -400 },
	{ "g\r\n", -400 },
	{ "-1\r\n", -400 },
	{ "+1\r\nx\r\n", -400 },
	{ "0x1\r\nx\r\n", -400 },
	{ " 1\r\nx\r\n", -400 },
	{ "1 \r\nx\r\n", -400 },
	{ "1 ;a\r\nx\r\n", -400 },
	{ "1\t\r\nx\r\n", -400 },
	{ "1,1\r\nx\r\n", -400 },
	{ ";a\r\n", -400 },
	{ "ffffffffffffffff\r\n", -400 },
	{ "10000000000000000\r\n", -400 },
	{ "0000000000000000\r\n\r\n", -400 },
	/* line ends */
	{ "1\nx\r\n", -400 },
	{ "1\rx", -400 },
	{ "1\r\nx\n", -400 },
	{ "1\r\nxy", -400 },
	{ "1\r\nx\rx", -400 },
	{ "1\r\n\r\n\r\nx", -400 },
	{ "0\n\n", -400 },
	{ "0\r\n\n", -400 },
	{ "0\r\n\rx", -400 },
	{ "1;a\nb\r\nx\r\n", -400 },
	{ "1;a\rb", -400 },
	{ "1;a\x01\r\nx\r\n", -400 },
	/* trailers */
	{ "0\r\nX\r\n\r\n", -400 },
	{ "0\r\n: x\r\n\r\n", -400 },
	{ "0\r\n x: y\r\n\r\n", -400 },
	{ "0\r\nX: a\n\r\n", -400 },
	{ "0\r\nX: a\r\n b\r\n\r\n", -400 },
	{ "0\r\nX : a\r\n\r\n", -400 },
	{ "0\r\nX: \x7f\r\n\r\n", -400 },
};

struct result {
	int rc;
	char payload[256], rest[256];
};

/* Feed one piece; what is decoded is appended, what was not used is left in `rest`. */
static int feed(struct result *r, uint64_t state[4], const char *piece, size_t n)
{
	char *buf = malloc(n + (n == 0));
	size_t used = 0, out = 0, have = strlen(r->payload);

	memcpy(buf, piece, n);
	r->rc = http_chunk_decode(state, buf, n, &used, &out);
	cr_assert(used <= n && out <= used);
	cr_assert(r->rc != 0 || used == n, "an incomplete body uses all it is given");
	memcpy(r->payload + have, buf, out);
	memcpy(r->rest + strlen(r->rest), piece + used, n - used);
	free(buf);
	return r->rc;
}

Test(http_chunk, bodies_are_decoded_or_refused_the_same_in_every_two_pieces)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n = strlen(rows[i].in);

		for (size_t cut = 0; cut <= n; cut++) {
			struct result r = { 0 };
			uint64_t state[4] = { 0 };

			if (feed(&r, state, rows[i].in, cut) == 0)
				feed(&r, state, rows[i].in + cut, n - cut);
			else
				strcat(r.rest, rows[i].in + cut);
			cr_assert_eq(r.rc, rows[i].rc, "row %zu cut at %zu: %d", i, cut, r.rc);
			if (r.rc < 0)
				continue;
			cr_assert_str_eq(r.payload, rows[i].out, "row %zu cut at %zu", i, cut);
			cr_assert_str_eq(r.rest, rows[i].after, "row %zu cut at %zu", i, cut);
		}
	}
}

/* A one-byte chunk with a long extension costs the sender nothing and the reader a lot. */
Test(http_chunk, extensions_have_a_budget_for_the_whole_body)
{
	uint64_t state[4] = { 0 };
	int rc = 0;

	for (int i = 0; i < 1000 && rc == 0; i++) {
		char piece[] = "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n";
		size_t used, out;
		rc = http_chunk_decode(state, piece, strlen(piece), &used, &out);
	}
	cr_assert_eq(rc, -431);
}

Test(http_chunk, trailers_have_a_budget)
{
	uint64_t state[4] = { 0 };
	char start[] = "0\r\n";
	size_t used, out;
	int rc = http_chunk_decode(state, start, 3, &used, &out);

	for (int i = 0; i < 10000 && rc == 0; i++) {
		char line[] = "X: y\r\n";
		rc = http_chunk_decode(state, line, strlen(line), &used, &out);
	}
	cr_assert_eq(rc, -431);
}
