/* parts.h - the parts of the kernel, made in their order, with every option and API function of its own. */
#ifndef KERNEL_PARTS_H
#define KERNEL_PARTS_H

#include "kernel.h"

struct uwsgi_kind;

/* Everything in struct kernel that is there before the configuration is read.  0, or a negative errno after
 * uwsgi_cause.  [main] */
int parts_make(struct kernel *k);

/* The one kind of processes that is the kernel's own. */
extern const struct uwsgi_kind worker_kind;

#endif
