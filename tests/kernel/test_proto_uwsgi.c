/* test_proto_uwsgi.c - packets in, variables out; whatever is cut, torn or empty is refused. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../double/request_double.h"
#include "proto_uwsgi.h"

struct packet {
	unsigned char bytes[4096];
	size_t len;
};

static void put(struct packet *p, const char *text, size_t n)
{
	p->bytes[p->len++] = (unsigned char)n;
	p->bytes[p->len++] = (unsigned char)(n >> 8);
	memcpy(p->bytes + p->len, text, n);
	p->len += n;
}

/* A packet of NAME, value, NAME, value, ..., NULL. */
static struct packet packet_of(unsigned char modifier1, unsigned char modifier2, const char *const *pairs)
{
	struct packet p = { .len = 4 };

	for (; *pairs; pairs++)
		put(&p, *pairs, strlen(*pairs));
	p.bytes[0] = modifier1;
	p.bytes[1] = (unsigned char)(p.len - 4);
	p.bytes[2] = (unsigned char)((p.len - 4) >> 8);
	p.bytes[3] = modifier2;
	return p;
}
#define PACKET(m1, m2, ...) packet_of(m1, m2, (const char *const[]){ __VA_ARGS__, NULL })

/* Parse from memory of exactly `len` bytes, so that the sanitizer sees one too many. */
static int parse(struct request_double *d, const void *bytes, size_t len)
{
	static char *last;
	size_t seen = 0;

	free(last);
	last = malloc(len + (len == 0));
	memcpy(last, bytes, len);
	request_double_init(d);
	return proto_uwsgi.parse(&d->req, last, len, &seen);
}

static const char *var(const struct request_double *d, enum uwsgi_known_key id)
{
	static char text[256];
	struct uwsgi_str value;

	if (!d->req.known[id])
		return NULL;
	value = d->req.vars[d->req.known[id] - 1].value;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	return text;
}

Test(proto_uwsgi, the_captured_wsgi_packet_is_read)
{
	static const unsigned char vector[] = "\x00\x3e\x00\x00"
					      "\x0e\x00REQUEST_METHOD\x03\x00GET"
					      "\x09\x00PATH_INFO\x01\x00/"
					      "\x0f\x00SERVER_PROTOCOL\x08\x00HTTP/1.1";
	struct request_double d;

	cr_assert_eq(parse(&d, vector, sizeof vector - 1), (int)sizeof vector - 1);
	cr_assert_eq(d.req.nvars, 3);
	cr_assert_str_eq(var(&d, UWSGI_KEY_PATH_INFO), "/");
	cr_assert_eq(d.req.http_version, 11);
	cr_assert_not(d.req.is_head);
	cr_assert_not(d.req.keep_alive);
	cr_assert_eq(d.req.body, UWSGI_BODY_NONE);
	cr_assert_null(var(&d, UWSGI_KEY_SCRIPT_NAME)); /* absent stays absent */
}

Test(proto_uwsgi, a_head_request_is_known_as_such)
{
	struct request_double d;
	struct packet p = PACKET(0, 0, "REQUEST_METHOD", "HEAD");

	cr_assert_eq(parse(&d, p.bytes, p.len), (int)p.len);
	cr_assert(d.req.is_head);
}

Test(proto_uwsgi, small_packets_keep_their_modifiers)
{
	struct request_double d;

	cr_assert_eq(parse(&d, "\x64\x00\x00\x00", 4), 4);
	cr_assert_eq(d.req.modifier1, 100);
	cr_assert_eq(parse(&d, "\x6e\x00\x00\x05", 4), 4);
	cr_assert_eq(d.req.modifier1, 110);
	cr_assert_eq(d.req.modifier2, 5);
	cr_assert_eq(d.req.nvars, 0);
}

Test(proto_uwsgi, an_empty_request_for_the_application_is_refused)
{
	struct request_double d;

	cr_assert_eq(parse(&d, "\x00\x00\x00\x00", 4), -400);
}

Test(proto_uwsgi, the_last_of_two_equal_names_wins)
{
	struct request_double d;
	struct packet p = PACKET(0, 0, "PATH_INFO", "/a", "PATH_INFO", "/b");

	cr_assert_eq(parse(&d, p.bytes, p.len), (int)p.len);
	cr_assert_str_eq(var(&d, UWSGI_KEY_PATH_INFO), "/b");
}

Test(proto_uwsgi, every_truncation_waits_for_the_rest)
{
	struct request_double d;
	struct packet p = PACKET(0, 0, "REQUEST_METHOD", "GET", "HTTP_X", "");

	for (size_t n = 0; n < p.len; n++)
		cr_assert_eq(parse(&d, p.bytes, n), 0, "%zu bytes", n);
	p.bytes[p.len] = 'B'; /* the body is not part of the packet */
	cr_assert_eq(parse(&d, p.bytes, p.len + 1), (int)p.len);
}

Test(proto_uwsgi, a_block_that_ends_within_a_string_is_refused)
{
	struct request_double d;
	struct packet p = PACKET(0, 0, "REQUEST_METHOD", "GET");

	for (size_t size = 1; size < p.len - 4; size++) {
		p.bytes[1] = (unsigned char)size;
		cr_assert_eq(parse(&d, p.bytes, p.len), -400, "block of %zu", size);
	}
}

Test(proto_uwsgi, an_empty_name_is_refused)
{
	struct request_double d;
	struct packet p = PACKET(0, 0, "", "x");

	cr_assert_eq(parse(&d, p.bytes, p.len), -400);
}

Test(proto_uwsgi, too_many_variables_are_refused)
{
	const char *pairs[2 * (DOUBLE_VARS_MAX + 1) + 1] = { NULL };
	struct request_double d;
	struct packet p;

	for (int i = 0; i < 2 * (DOUBLE_VARS_MAX + 1); i++)
		pairs[i] = "K";
	p = packet_of(0, 0, pairs);
	cr_assert_eq(parse(&d, p.bytes, p.len), -431);
}

static const struct {
	const char *text;
	int rc; /* 0: accepted */
	int body;
	int64_t length;
} lengths[] = {
	{ "", 0, UWSGI_BODY_NONE, 0 },
	{ "0", 0, UWSGI_BODY_NONE, 0 },
	{ "12", 0, UWSGI_BODY_LENGTH, 12 },
	{ "0012", 0, UWSGI_BODY_LENGTH, 12 },
	{ "922337203685477580", 0, UWSGI_BODY_LENGTH, 922337203685477580 },
	{ "+1", -400, 0, 0 },
	{ "-1", -400, 0, 0 },
	{ " 1", -400, 0, 0 },
	{ "1 ", -400, 0, 0 },
	{ "0x10", -400, 0, 0 },
	{ "3, 3", -400, 0, 0 },
	{ "99999999999999999999", -413, 0, 0 },
};

Test(proto_uwsgi, the_body_length_is_read_strictly)
{
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct request_double d;
		struct packet p = PACKET(0, 0, "CONTENT_LENGTH", lengths[i].text);
		int rc = parse(&d, p.bytes, p.len);

		cr_assert_eq(rc, lengths[i].rc ? lengths[i].rc : (int)p.len, "'%s': %d", lengths[i].text, rc);
		if (rc < 0)
			continue;
		cr_assert_eq(d.req.body, lengths[i].body, "'%s'", lengths[i].text);
		cr_assert_eq(d.req.content_length, lengths[i].length, "'%s'", lengths[i].text);
	}
}

Test(proto_uwsgi, the_answer_has_a_version_we_speak)
{
	static const struct {
		const char *protocol;
		int version;
	} rows[] = { { "HTTP/1.0", 10 }, { "HTTP/1.1", 11 }, { "HTTP/2.0", 11 }, { "HTTP/3.0", 11 }, { "", 10 } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct request_double d;
		struct packet p = PACKET(0, 0, "SERVER_PROTOCOL", rows[i].protocol);

		parse(&d, p.bytes, p.len);
		cr_assert_eq(d.req.http_version, rows[i].version, "%s", rows[i].protocol);
	}
}
