/* uwsgi/log.h - lines for the operator. */
#ifndef UWSGI_LOG_H
#define UWSGI_LOG_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

/* Write one message to the server's log.  The text should end in a newline; one is added when it does not.
 * [any] Never fails; a message longer than 32 KiB is cut.  Not signal-safe. */
UWSGI_API void uwsgi_log(const char *fmt, ...) UWSGI_PRINTF(1, 2);

/* Write bytes to the log as they are, in one write(2).  [any] */
UWSGI_API void uwsgi_log_raw(const char *text, size_t len);

/* Say why this process, or the server's start, cannot go on; one line: what was being done, to what, why.  The first
 * cause is kept, and the server logs it as its last line, with its exit status.  The caller then returns its error.
 * [any] */
UWSGI_API void uwsgi_cause(const char *fmt, ...) UWSGI_PRINTF(1, 2);

UWSGI_END_DECLS
#endif
