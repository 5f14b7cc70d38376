/* turn.h - working on a connection, on the threads of a worker. */
#ifndef KERNEL_TURN_H
#define KERNEL_TURN_H

#include "serve.h"

/* Work on a connection this thread owns, as far as it goes now, and give it back. */
void turn_run(struct core *core, struct conn *c);
/* Give back one that was only looked at; an event that came meanwhile is served. */
void turn_let_go(struct core *core, struct conn *c);
/* Give back one that was only looked at.  False: an event came meanwhile, and it is still the caller's to run. */
bool turn_release(struct conn *c);
/* What epoll calls for a connection. */
void turn_event(struct source *source, uint32_t events, struct core *core);

#endif
