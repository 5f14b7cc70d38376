/* cause.h - why the server cannot go on, kept until it is the last line of the log.
 *
 * The process that finds the cause is rarely the last one to write: the master still has others to end.  So a cause is
 * kept in shared memory, and said once, at the end. */
#ifndef KERNEL_CAUSE_H
#define KERNEL_CAUSE_H

#include <uwsgi/log.h>

/* Keep the cause in `memory`, CAUSE_SIZE zeroed or used bytes that all processes share.  Without it (NULL, or before)
 * causes are logged where they are found. */
#define CAUSE_SIZE 1032
void cause_init(void *memory);
/* The cause, NULL when there is none. */
const char *cause_get(void);
/* Forget it: another attempt begins. */
void cause_clear(void);

#endif
