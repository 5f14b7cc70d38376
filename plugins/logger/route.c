/* route.c - see route.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "route.h"

#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/log.h>

/* Where matches are noted, for all expressions; nobody asks for them. */
static pcre2_match_data *matched;

static int compile(struct route *route, const char *option, const char *text)
{
	int code;
	PCRE2_SIZE at;
	route->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
	if (!matched)
		matched = pcre2_match_data_create(1, NULL);
	if (route->code && matched) {
		pcre2_jit_compile(route->code, PCRE2_JIT_COMPLETE); /* without, it is only slower */
		return 0;
	}
	PCRE2_UCHAR why[128] = "";
	pcre2_get_error_message(code, why, sizeof why);
	uwsgi_cause("%s = %s: %s at position %zu", option, text, (char *)why, (size_t)at);
	return -EINVAL;
}

int routes_create(struct routes *routes, const char *option, const struct uwsgi_strings *from, bool with_id)
{
	routes->v = calloc(from->n + 1, sizeof *routes->v);
	if (!routes->v)
		return -ENOMEM;
	for (size_t i = 0; i < from->n; i++) {
		struct route *route = &routes->v[routes->n++];
		const char *text = from->v[i], *space = with_id ? strchr(text, ' ') : NULL;
		if (with_id && !space) {
			uwsgi_cause("%s = %s: give the id of a logger, a space, and an expression", option, text);
			return -EINVAL;
		}
		if (space && !(route->id = strndup(text, (size_t)(space - text))))
			return -ENOMEM;
		int failed = compile(route, option, space ? space + 1 : text);
		if (failed)
			return failed;
	}
	return 0;
}

bool route_matches(const struct route *route, const char *text, size_t len)
{
	return pcre2_match(route->code, (PCRE2_SPTR)text, len, 0, 0, matched, NULL) >= 0;
}

bool routes_match(const struct routes *routes, const char *text, size_t len)
{
	for (size_t i = 0; i < routes->n; i++)
		if (route_matches(&routes->v[i], text, len))
			return true;
	return false;
}
