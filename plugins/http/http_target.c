/* http_target.c - the four forms of a request target (RFC 9112 3.2), and which method may have which.
 *
 *     /path?query            origin: any method but CONNECT
 *     http://host/path       absolute: the same; its host replaces the Host field
 *     host:port              authority: CONNECT only
 *     *                      OPTIONS only */
#include "http.h"

#include <string.h>

#include "http_char.h"

size_t http_target_scan(const char *at, struct http_target *target_r)
{
	const char *start = at, *path_end;
	bool encoded = false;

	for (;; at++) {
		if (http_char_is(*at, HTTP_IS_PLAIN))
			continue;
		if (*at == '%')
			encoded = true;
		else if (*at == '.')
			encoded |= at > start && at[-1] == '/';
		else
			break;
	}
	path_end = at;
	*target_r = (struct http_target){ .path = { start, (size_t)(path_end - start) }, .query = { "", 0 } };
	target_r->encoded = encoded;
	if (*at == '?') {
		while (http_char_is(*++at, HTTP_IS_TARGET))
			;
		target_r->query = (struct uwsgi_str){ path_end + 1, (size_t)(at - path_end - 1) };
	}
	target_r->raw = (struct uwsgi_str){ start, (size_t)(at - start) };
	return target_r->raw.n;
}

static bool equals(struct uwsgi_str s, const char *text)
{
	return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

/* Length of "http://" or "https://" at the start of the path, else 0. */
static size_t scheme_length(struct uwsgi_str path)
{
	if (path.n > 7 && http_is_text((struct uwsgi_str){ path.p, 7 }, "http://"))
		return 7;
	return path.n > 8 && http_is_text((struct uwsgi_str){ path.p, 8 }, "https://") ? 8 : 0;
}

/* "http://host/path" becomes authority "host" and path "/path". */
static int resolve_absolute(struct http_target *target)
{
	size_t scheme = scheme_length(target->path);
	const char *host = target->path.p + scheme;
	size_t rest = target->path.n - scheme;
	const char *slash;

	if (scheme == 0)
		return -400;
	slash = memchr(host, '/', rest);
	target->authority = (struct uwsgi_str){ host, slash ? (size_t)(slash - host) : rest };
	target->path = slash ? (struct uwsgi_str){ slash, rest - target->authority.n } : (struct uwsgi_str){ "/", 1 };
	return target->authority.n > 0 && http_host_is_valid(target->authority) ? 0 : -400;
}

int http_target_resolve(struct http_target *target, struct uwsgi_str method)
{
	if (equals(method, "CONNECT"))
		return http_host_is_valid(target->raw) && memchr(target->raw.p, ':', target->raw.n) ? 0 : -400;
	if (target->path.n > 0 && target->path.p[0] == '/')
		return 0;
	if (equals(target->raw, "*"))
		return equals(method, "OPTIONS") ? 0 : -400;
	return resolve_absolute(target);
}
