/* logformat.h - what a request's line says: a template, read once, filled in for each request. */
#ifndef KERNEL_LOGFORMAT_H
#define KERNEL_LOGFORMAT_H

#include "logline.h"
#include "settings.h"

#include <sys/types.h>
#include <uwsgi/request.h>

/* What is known of a request that was answered. */
struct logfacts {
	const struct uwsgi_request *req;
	const struct settings *settings;
	uint64_t took_us;
	uint64_t number, total;	     /* of requests: of its core, of the whole server */
	bool failed;		     /* answered by the kernel, not the application */
	bool sent_file, unread;	     /* its body is a file; the body of the request could not be read */
	struct uwsgi_str request_id; /* {NULL, 0}: it has none */
	int pid, worker;
	uint64_t vsz, rss; /* of the process; only when logformat_wants_memory */
};

struct logformat;

/* Compile a template.  Everything is a template: what is no variable is text.  NULL: memory is out. */
struct logformat *logformat_compile(const char *text, const struct settings *settings);
/* The line uWSGI always had. */
struct logformat *logformat_default(const struct settings *settings);
void logformat_destroy(struct logformat **format);

bool logformat_wants_memory(const struct logformat *format);

/* Add the line of a request, with its newline, to what `line` holds.  One thread at a time: dates are kept for as long
 * as they are true. */
void logformat_render(struct logformat *format, struct logline *line, const struct logfacts *facts);

#endif
