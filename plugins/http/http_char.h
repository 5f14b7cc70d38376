/* http_char.h - which bytes may stand where (RFC 9110 5.6.2, RFC 3986, RFC 9112 3.2), as one table of bits. */
#ifndef HTTP_CHAR_H
#define HTTP_CHAR_H

#include <stdint.h>

enum {
	HTTP_IS_TOKEN = 1,  /* method, field name */
	HTTP_IS_TARGET = 2, /* request target; bytes above 127 too, browsers and scripts do send them */
	HTTP_IS_PLAIN = 4,  /* ... and needs no second look in a path */
	HTTP_IS_NAME = 8,   /* host name or IPv4 address */
};

/* Letters and digits may stand anywhere. */
#define HTTP_ANY (HTTP_IS_TOKEN | HTTP_IS_TARGET | HTTP_IS_PLAIN | HTTP_IS_NAME)
#define HTTP_URI (HTTP_IS_TARGET | HTTP_IS_PLAIN)

static const uint8_t http_chars[256] = {
	['0' ... '9'] = HTTP_ANY,
	['A' ... 'Z'] = HTTP_ANY,
	['a' ... 'z'] = HTTP_ANY,
	['-'] = HTTP_ANY,
	['_'] = HTTP_ANY,
	['~'] = HTTP_ANY,
	['.'] = HTTP_IS_TOKEN | HTTP_IS_TARGET | HTTP_IS_NAME,
	['%'] = HTTP_IS_TOKEN | HTTP_IS_TARGET,
	['?'] = HTTP_IS_TARGET,
	['!'] = HTTP_IS_TOKEN | HTTP_URI,
	['$'] = HTTP_IS_TOKEN | HTTP_URI,
	['&'] = HTTP_IS_TOKEN | HTTP_URI,
	['\''] = HTTP_IS_TOKEN | HTTP_URI,
	['*'] = HTTP_IS_TOKEN | HTTP_URI,
	['+'] = HTTP_IS_TOKEN | HTTP_URI,
	['^'] = HTTP_IS_TOKEN | HTTP_URI,
	['`'] = HTTP_IS_TOKEN | HTTP_URI,
	['|'] = HTTP_IS_TOKEN | HTTP_URI,
	['#'] = HTTP_IS_TOKEN,
	['"'] = HTTP_URI,
	['('] = HTTP_URI,
	[')'] = HTTP_URI,
	[','] = HTTP_URI,
	['/'] = HTTP_URI,
	[':'] = HTTP_URI,
	[';'] = HTTP_URI,
	['<'] = HTTP_URI,
	['='] = HTTP_URI,
	['>'] = HTTP_URI,
	['@'] = HTTP_URI,
	['['] = HTTP_URI,
	['\\'] = HTTP_URI,
	[']'] = HTTP_URI,
	['{'] = HTTP_URI,
	['}'] = HTTP_URI,
	[0x80 ... 0xff] = HTTP_URI,
};

static inline int http_char_is(char c, int what)
{
	return http_chars[(unsigned char)c] & what;
}

#endif
