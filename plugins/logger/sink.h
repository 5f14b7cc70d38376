/* sink.h - a place lines can go to, and what happens while it cannot be written.
 *
 * Lines are collected until the batch they came with is over, and then written at once, or one by one where each is a
 * message of its own.  A sink that fails says so once, on the descriptors the server was started with, counts what it
 * loses, tries again each second, and says how much was lost when it works again. */
#ifndef LOGGER_SINK_H
#define LOGGER_SINK_H

#include <uwsgi.h>

#define SINK_BUFFER 65536
#define SINK_RETRY_MS 1000

struct sink;

/* How a sink does its work.  What is NULL is not needed. */
struct sink_type {
	/* [main] Read the arguments of `logger = NAME:ARGS`.  0, or a negative errno after uwsgi_cause. */
	int (*configure)(struct sink *sink, char *args);
	/* Make sink->fd.  0 or a negative errno.  [main] when it must exist at the start, and [writer] after a failure
	 */
	int (*open)(struct sink *sink);
	/* Write some of the lines; how many bytes are done with, or a negative errno. */
	ssize_t (*write)(struct sink *sink, const char *text, size_t len);
	void (*told)(struct sink *sink, enum uwsgi_log_kind what); /* [writer] REOPEN or ROTATE */
	void (*tick)(struct sink *sink);			   /* [writer] after a batch, and each second */
	void (*close)(struct sink *sink);			   /* [writer] the end of the server */
	bool lines;						   /* a line needs its newline here */
};

struct sink {
	const struct sink_type *type;
	const char *name; /* for messages: "file:/var/log/app.log" */
	int fd;		  /* -1: not open */

	/* as configured; each type uses what it needs */
	char *path;	   /* file, address or command */
	char *prefix;	   /* of each message */
	char *backup;	   /* NULL: the path and the time */
	char *touch;	   /* file that says "open again" by being touched */
	int64_t max_bytes; /* 0: no limit */
	size_t packet_max; /* 0: no limit */
	bool split;	   /* what is longer than a packet goes on in another */
	int priority;	   /* of syslog */

	int64_t touched;	  /* when `touch` was, last time it was looked at */
	uint64_t rotate_again_ms; /* 0: the last rotation went well */
	int pid;		  /* of the command */

	/* what waits to be written, and what could not be */
	char buffer[SINK_BUFFER];
	size_t len;
	bool torn; /* the last line that was written has no end */
	uint64_t lost, retry_ms;
};

/* Make the sink of "NAME:ARGS".  NULL after uwsgi_cause.  [main] */
struct sink *sink_create(const char *spec);
/* One that writes to the file of the server's log, or to its standard error.  [writer] */
struct sink *sink_default(const char *path, int64_t max_bytes, const char *backup);

/* Add a line; SINK_BUFFER bytes at most are kept of it.  [writer] */
void sink_put(struct sink *sink, const char *text, size_t len);
/* Write what waits.  [writer] */
void sink_flush(struct sink *sink);

/* When a file was last changed, in nanoseconds; 0: it is not there. */
int64_t sink_mtime(const char *path);
/* Take "key=value,key=value" apart: `take` gets each pair.  0, or the first negative result. */
int sink_each_pair(char *args, int (*take)(struct sink *sink, const char *key, const char *value), struct sink *sink);

extern const struct sink_type sink_file, sink_fd, sink_stdio, sink_pipe, sink_socket, sink_syslog, sink_rsyslog;

#endif
