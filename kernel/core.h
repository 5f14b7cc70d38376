/* core.h - the threads of a worker. */
#ifndef KERNEL_CORE_H
#define KERNEL_CORE_H

#include "serve.h"

/* Make the cores of a worker, as many as the options say; none of them runs yet.  0 or -ENOMEM. */
int core_create_all(struct serve *s);
/* First thing in the thread of a core, the worker's first included. */
void core_begin(struct core *core);
/* Handle events until the worker is done. */
void core_loop(struct core *core);
/* Wait for events, at most `limit_ms` (-1: as long as nothing is due), and handle them. */
void core_turn(struct core *core, int limit_ms);

/* Start the threads of all cores but the first.  0, or a negative errno after it was logged. */
int core_start_others(struct serve *s);
/* Wait for their ends.  In a hurry a core that is still in the application is left behind: the process exits. */
void core_join_others(struct serve *s);

/* Has the worker nothing left to do?  What late requests hold open is not waited for. */
bool core_done(const struct serve *s);
/* Have every core look at what has changed. */
void core_wake_all(struct serve *s);

#endif
