/* http_path.c - from the path of a target to PATH_INFO: undo percent-encoding, then resolve "." and "..".
 *
 * In this order, as uWSGI 2.0 does, so that "/%2e%2e/" cannot climb where "/../" cannot.  Empty segments ("//") are
 * kept: applications see them.  What stays out is what has two readings: broken escapes and NUL. */
#include "http.h"

#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* in[0..n) without escapes.  The length, or -400. */
static int unescape(const char *in, size_t n, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		int high, low;

		if (in[i] != '%') {
			out[len++] = in[i];
			continue;
		}
		if (n - i < 3)
			return -400;
		high = hex_digit(in[i + 1]);
		low = hex_digit(in[i + 2]);
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return -400;
		out[len++] = (char)(high << 4 | low);
		i += 2;
	}
	return (int)len;
}

/* 0 for an ordinary segment, 1 for ".", 2 for "..". */
static int dots(const char *segment, size_t n)
{
	if (n == 1 && segment[0] == '.')
		return 1;
	return n == 2 && segment[0] == '.' && segment[1] == '.' ? 2 : 0;
}

/* Drop the last "/segment" of path[0..len). */
static size_t parent(const char *path, size_t len)
{
	while (len > 0 && path[--len] != '/')
		;
	return len;
}

/* Resolve dot segments of path[0..n), which begins with "/", in place.  The new length, at least 1. */
static size_t resolve(char *path, size_t n)
{
	size_t len = 0; /* written so far: always empty, or "/segment" repeated */
	size_t at = 0;

	while (at < n) {
		const char *slash = memchr(path + at + 1, '/', n - at - 1);
		size_t next = slash ? (size_t)(slash - path) : n;
		int up = dots(path + at + 1, next - at - 1);

		if (up == 2)
			len = parent(path, len);
		if (up == 0) {
			memmove(path + len, path + at, next - at);
			len += next - at;
		} else if (next == n) {
			path[len++] = '/'; /* "/a/.." is the directory: "/" */
		}
		at = next;
	}
	return len;
}

int http_path_decode(const char *in, size_t n, char *out)
{
	int len = unescape(in, n, out);

	if (len <= 0 || out[0] != '/')
		return len;
	return (int)resolve(out, (size_t)len);
}
