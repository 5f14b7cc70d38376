/* worker.h - the life of a worker, from its fork to its exit. */
#ifndef KERNEL_WORKER_H
#define KERNEL_WORKER_H

#include "kernel.h"

/* Serve until told to end.  `slot` is this process's.  Returns the exit status. */
int worker_run(struct kernel *k, struct proc_slot *slot);

#endif
