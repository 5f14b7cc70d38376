/* takeover.h - how a generation comes to serve, and its predecessors to rest.
 *
 * The old generation serves until the new one is ready.  One that cannot be started is thrown away, and nobody notices.
 */
#ifndef KERNEL_TAKEOVER_H
#define KERNEL_TAKEOVER_H

#include "crew.h"

enum takeover { TAKEOVER_WAITS, TAKEOVER_DONE };

/* Something changed in a generation that does not serve yet: start what is next, and when all its processes are ready
 * let it take over.  DONE: it just did. */
enum takeover takeover_check(struct crew *crew, struct generation *g);
/* A generation that cannot be started: what it has is ended, what its predecessor gave up for it comes back. */
void takeover_abandon(struct crew *crew, struct generation *g);

#endif
