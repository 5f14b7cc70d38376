/* worker_end.h - the end of a worker. */
#ifndef KERNEL_WORKER_END_H
#define KERNEL_WORKER_END_H

#include "serve.h"

/* Have the worker end in order, from now on, when it is told to or there is reason: its exit status is in
 * s->exit_status then.  Signals are still held.  0 or -errno. */
int worker_end_watch(struct serve *s);

#endif
