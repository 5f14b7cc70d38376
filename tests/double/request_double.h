/* request_double.h - a request with memory and variables but no connection, for tests of parsers. */
#ifndef REQUEST_DOUBLE_H
#define REQUEST_DOUBLE_H

#include <uwsgi.h>

enum { DOUBLE_VARS_MAX = 128, DOUBLE_ALLOCS_MAX = 2048, DOUBLE_MEMORY_MAX = 1 << 20 };

struct request_double {
	struct uwsgi_request req; /* first, so that the functions of the double find the rest */
	struct uwsgi_var vars[DOUBLE_VARS_MAX];
	void *allocs[DOUBLE_ALLOCS_MAX]; /* each its own, so that the sanitizer sees one byte too many */
	unsigned nallocs;
	size_t allocated;
};

void request_double_init(struct request_double *d);
void request_double_fini(struct request_double *d);

/* What a parse left, as text: one "NAME=value" a line, then "body=1/12 version=11 keep=1 expect=0 head=0". */
char *request_double_dump(const struct request_double *d, char *out, size_t size);

#endif
