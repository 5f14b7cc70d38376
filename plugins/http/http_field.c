/* http_field.c - what the values of the fields mean that decide over a message: pure answers about one string each.
 *
 * Strict on purpose: wherever another server could read a value differently, there is no reading here. */
#include "http.h"

#include <string.h>

#include "http_char.h"

bool http_is_text(struct uwsgi_str value, const char *lower)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c == '\0' || c != lower[i]) /* lower[i] is read at most once past its last letter */
			return false;
	}
	return lower[value.n] == '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_ipv6_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

/* A name or IPv4 address, or an IPv6 address in brackets; then perhaps a port.  RFC 3986 would also let commas, quotes
 * and escapes into a name; no host is called that, and applications build links from it. */
bool http_host_is_valid(struct uwsgi_str value)
{
	const char *at = value.p, *end = value.p + value.n;

	if (at < end && *at == '[') {
		for (at++; at < end && is_ipv6_char(*at); at++)
			;
		if (at == end || *at != ']' || at - value.p < 3)
			return false;
		at++;
	} else {
		while (at < end && http_char_is(*at, HTTP_IS_NAME))
			at++;
		if (at == value.p)
			return at == end; /* an empty Host is allowed, a port alone is not */
	}
	if (at < end && *at == ':')
		for (at++; at < end && is_digit(*at); at++)
			;
	return at == end;
}

int http_length_parse(struct uwsgi_str value, int64_t *length_r)
{
	int64_t n = 0;

	if (value.n == 0)
		return -400;
	for (size_t i = 0; i < value.n; i++) {
		if (!is_digit(value.p[i]))
			return -400;
		if (n > (INT64_MAX - 9) / 10)
			return -413;
		n = n * 10 + (value.p[i] - '0');
	}
	*length_r = n;
	return 0;
}

int http_coding_check(struct uwsgi_str value)
{
	if (http_is_text(value, "chunked"))
		return 0;
	if (value.n == 0)
		return -400;
	for (size_t i = 0; i < value.n; i++)
		if (!http_char_is(value.p[i], HTTP_IS_TOKEN))
			return -400; /* a list, a parameter: chunked may hide in it */
	return -501;
}

unsigned http_connection_tokens(struct uwsgi_str value)
{
	const char *at = value.p, *end = value.p + value.n;
	unsigned tokens = 0;

	while (at < end) {
		const char *start;
		struct uwsgi_str token;

		while (at < end && (*at == ' ' || *at == '\t' || *at == ','))
			at++;
		for (start = at; at < end && *at != ',' && *at != ' ' && *at != '\t'; at++)
			;
		token = (struct uwsgi_str){ start, (size_t)(at - start) };
		if (http_is_text(token, "close"))
			tokens |= HTTP_TOKEN_CLOSE;
		else if (http_is_text(token, "keep-alive"))
			tokens |= HTTP_TOKEN_KEEP_ALIVE;
	}
	return tokens;
}
