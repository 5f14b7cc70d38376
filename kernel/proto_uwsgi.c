/* proto_uwsgi.c - decode a uwsgi packet into the variables of a request.
 *
 *     modifier1, u16 size, modifier2, then `size` bytes of { u16 length, key, u16 length, value }; little endian.
 *
 * The body follows as plain bytes, as many as CONTENT_LENGTH says.  A front end has checked the HTTP message already;
 * what is checked here is that the packet means exactly one thing.  Values refer to the packet, nothing is copied. */
#include "proto_uwsgi.h"

#include <string.h>

enum { HEADER_SIZE = 4 };

static size_t load16(const char *p)
{
	return (size_t)(unsigned char)p[0] | (size_t)(unsigned char)p[1] << 8;
}

/* Take { u16 length, bytes } from *at..end.  False: the block ends too early. */
static bool take_string(const char **at, const char *end, struct uwsgi_str *str_r)
{
	size_t len;

	if (end - *at < 2)
		return false;
	len = load16(*at);
	*at += 2;
	if ((size_t)(end - *at) < len)
		return false;
	*str_r = (struct uwsgi_str){ *at, len };
	*at += len;
	return true;
}

static int parse_block(struct uwsgi_request *req, const char *at, const char *end)
{
	while (at < end) {
		struct uwsgi_str name, value;

		if (!take_string(&at, end, &name) || name.n == 0 || !take_string(&at, end, &value))
			return -400;
		if (uwsgi_request_add_var(req, uwsgi_key_intern(name.p, name.n), name, value) < 0)
			return -431;
	}
	return 0;
}

/* Of the packet alone: a variable of the socket says nothing about this message. */
static struct uwsgi_str packet_var(const struct uwsgi_request *req, enum uwsgi_known_key id)
{
	if (!req->known[id])
		return (struct uwsgi_str){ NULL, 0 };
	return req->vars[req->known[id] - 1].value;
}

static bool equals(struct uwsgi_str s, const char *text)
{
	return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

/* The version to answer with.  A front end that speaks HTTP/2 or 3 to its client takes a 1.1 answer from us. */
static uint8_t http_version_of(struct uwsgi_str protocol)
{
	if (protocol.n == 0 || equals(protocol, "HTTP/1.0"))
		return 10;
	return equals(protocol, "HTTP/0.9") ? 9 : 11;
}

/* Front ends send an empty CONTENT_LENGTH for "no body". */
static int body_length(struct uwsgi_str text, int64_t *length_r)
{
	int64_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned digit = (unsigned char)text.p[i] - (unsigned)'0';

		if (digit > 9)
			return -400;
		if (n > (INT64_MAX - 9) / 10)
			return -413;
		n = n * 10 + digit;
	}
	*length_r = n;
	return 0;
}

static int parse(struct uwsgi_request *req, char *buf, size_t len, size_t *seen)
{
	size_t size;
	int rc;

	(void)seen; /* the size is in the first bytes: nothing is scanned twice */
	if (len < HEADER_SIZE)
		return 0;
	size = load16(buf + 1);
	if (size == 0 && buf[0] == 0)
		return -400; /* a request for the application, about nothing */
	if (len - HEADER_SIZE < size)
		return 0;

	req->modifier1 = (uint8_t)buf[0];
	req->modifier2 = (uint8_t)buf[3];
	rc = parse_block(req, buf + HEADER_SIZE, buf + HEADER_SIZE + size);
	if (rc < 0)
		return rc;
	rc = body_length(packet_var(req, UWSGI_KEY_CONTENT_LENGTH), &req->content_length);
	if (rc < 0)
		return rc;
	req->body = req->content_length > 0 ? UWSGI_BODY_LENGTH : UWSGI_BODY_NONE;
	req->http_version = http_version_of(packet_var(req, UWSGI_KEY_SERVER_PROTOCOL));
	req->is_head = equals(packet_var(req, UWSGI_KEY_REQUEST_METHOD), "HEAD");
	req->keep_alive = false;
	req->expect_continue = false;
	return (int)(HEADER_SIZE + size);
}

const struct uwsgi_protocol proto_uwsgi = { .name = "uwsgi", .parse = parse };
