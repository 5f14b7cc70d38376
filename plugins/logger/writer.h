/* writer.h - the process that writes the log. */
#ifndef LOGGER_WRITER_H
#define LOGGER_WRITER_H

#include <uwsgi.h>

/* What the options gave. */
struct writer_options {
	bool master, threaded, stream, requests_stream, reopen; /* log-master, ... */
	struct uwsgi_strings loggers, request_loggers;		/* "[ID ]NAME:ARGS" */
	struct uwsgi_strings encoders, request_encoders;	/* "NAME[:ID][ ARGS]" */
	struct uwsgi_strings routes, request_routes;		/* "ID REGEX" */
	struct uwsgi_strings drains, filters;			/* "REGEX" */
	struct uwsgi_strings touch_reopen, touch_rotate;
	int line_max; /* bytes of a line */
	int64_t max_bytes;
	const char *backup;
	int rsyslog_packet_size;
	bool rsyslog_split;
};

/* [main] Make all of it; 1: there is something to write, 0: nothing was asked for, or a negative errno after
 * uwsgi_cause. */
int writer_create(const struct writer_options *options);
/* [writer] Its life. */
int writer_run(int number);

#endif
