/* route.h - which logger a line is for: regular expressions over its text (PCRE). */
#ifndef LOGGER_ROUTE_H
#define LOGGER_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <uwsgi/option.h>

/* A list of expressions, of `log-drain` or `log-filter`, or with the id of a logger each, of `log-route`. */
struct route {
	const char *id; /* NULL: none */
	void *code;	/* compiled */
};
struct routes {
	struct route *v;
	size_t n;
};

/* Compile what the options gave: "REGEX", or "ID REGEX".  0, or a negative errno after uwsgi_cause. */
int routes_create(struct routes *routes, const char *option, const struct uwsgi_strings *from, bool with_id);
bool route_matches(const struct route *route, const char *text, size_t len);
/* Does any of them match? */
bool routes_match(const struct routes *routes, const char *text, size_t len);

#endif
