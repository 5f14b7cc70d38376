/* uwsgi/task.h - a limit to how long a process may be at one piece of work: a message, a signal, what a queue gave it.
 *
 * Work cannot be stopped from outside, so a process that is at it for too long says where it is and is killed; it is
 * replaced as after any death.  Requests of workers have their own deadlines, see uwsgi_request_deadline. */
#ifndef UWSGI_TASK_H
#define UWSGI_TASK_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

/* Each task of this process may take that many seconds; 0: as long as it likes.  [child] */
UWSGI_API void uwsgi_task_limit(int seconds);

/* This thread begins a task, with a name for the log that says it takes too long, and ends it.  One begun within
 * another is a part of it.  Without a limit both cost nothing.  [child] */
UWSGI_API void uwsgi_task_begin(const char *name, ...) UWSGI_PRINTF(1, 2);
UWSGI_API void uwsgi_task_end(void);

/* Whatever this process does may take that many seconds from now; 0: the time is over without that.  0, or a negative
 * errno when there is no thread to watch.  [child] */
UWSGI_API int uwsgi_task_until(int seconds);

UWSGI_END_DECLS
#endif
