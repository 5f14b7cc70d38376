/* scale.h - more and fewer workers while the server runs: `cheap`, `cheaper` and `idle`. */
#ifndef KERNEL_SCALE_H
#define KERNEL_SCALE_H

#include "crew.h"

struct scale;
struct option_registry;

/* Register the options of cheap, cheaper and idle. */
int scale_register(struct option_registry *options);
/* After all options were applied: what must hold between them and the number of workers.  0 or -EINVAL after saying
 * why. */
int scale_check(int processes);

/* Begin; `on_idle` ends the server (die-on-idle).  NULL: out of memory. [master] */
struct scale *scale_begin(struct crew *crew, void (*on_idle)(void *data), void *data);
/* For the master's next image. */
void scale_keep(const struct scale *s);
/* One worker more or less, as an operator wants. */
void scale_by(struct scale *s, int by);
/* No workers until a connection comes. */
void scale_go_cheap(struct scale *s);

#endif
