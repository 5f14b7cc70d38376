/* uwsgi/log.h - lines for the operator. */
#ifndef UWSGI_LOG_H
#define UWSGI_LOG_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

/* Write one message to the server's log.  The text should end in a newline; one is added when it does not.
 * [any] Never fails; a message longer than 32 KiB is cut.  Not signal-safe. */
UWSGI_API void uwsgi_log(const char *fmt, ...) UWSGI_PRINTF(1, 2);

/* The same for what may happen thousands of times a second: a line a second and process, which says how often it
 * happened since the last.  One `seldom` for each thing that is told, zero at first, that lives as long as the process.
 * At most 1023 bytes, without a newline.  [any] */
struct uwsgi_log_seldom {
	uint64_t next_ms;   /* monotonic: none before */
	uint64_t kept_back; /* since the last line */
};
UWSGI_API void uwsgi_log_seldom(struct uwsgi_log_seldom *seldom, const char *fmt, ...) UWSGI_PRINTF(2, 3);

/* Write bytes to the log as they are, in one write(2).  [any] */
UWSGI_API void uwsgi_log_raw(const char *text, size_t len);

/* The file the server's lines go to (logto, daemonize), by its absolute name; NULL when they go elsewhere.  [any] */
UWSGI_API const char *uwsgi_log_file(void);

/* Say why this process, or the server's start, cannot go on; one line: what was being done, to what, why.  The first
 * cause is kept, and the server logs it as its last line, with its exit status.  The caller then returns its error.
 * [any] */
UWSGI_API void uwsgi_cause(const char *fmt, ...) UWSGI_PRINTF(1, 2);

/* ---- one process that writes what all others say ----
 *
 * A plugin that wants every line asks for it in its init, and brings a process kind that reads them: FROM_MASTER,
 * SINGLE and LAST.  Told to end, it writes what there is first; other signals of the kind everybody gets it ignores.
 * From the first fork on, standard output and error of all processes, and the lines of requests, go through pipes to
 * it. The server needs a master then.  Lines are lost neither while there is no such process, nor by its death. */

enum uwsgi_log_kind {
	UWSGI_LOG_LINES,    /* what processes wrote */
	UWSGI_LOG_REQUESTS, /* lines of requests; each begins with the id of the request (request-id) or nothing, and a
			       tab */
	UWSGI_LOG_REOPEN,   /* no text: files were moved away, open them again */
	UWSGI_LOG_ROTATE,   /* no text: move files away now */
};

struct uwsgi_log_batch {
	enum uwsgi_log_kind kind;
	const char *text; /* whole lines with their newlines, until the next call of uwsgi_log_next */
	size_t len;
};

/* [main] in init: collect the lines.  `reader` is the .run of that kind; it is called a last time, with 0, when no
 * other process is left. */
UWSGI_API void uwsgi_log_collect(int (*reader)(int number));

/* The next lines, waiting for at most `timeout_ms` (-1: as long as it takes).  What the last call gave is taken for
 * written; after a death, the successor gets it again.  From the first call on, standard output and error of this
 * process are those the server was started with.
 * 1; 0: nothing came in time; -EPIPE: the server ended and everything was read.  [the process that writes] */
UWSGI_API int uwsgi_log_next(struct uwsgi_log_batch *batch_r, int timeout_ms);

/* Let that process open its files again, or move them away and begin new ones.  0, or -ENOTCONN when there is none.
 * [any] */
UWSGI_API int uwsgi_log_reopen(void);
UWSGI_API int uwsgi_log_rotate(void);

UWSGI_END_DECLS
#endif
