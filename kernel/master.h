/* master.h - the supervisor: starts, watches and ends every other process. */
#ifndef KERNEL_MASTER_H
#define KERNEL_MASTER_H

#include "kernel.h"

/* Supervise until the server ends.  Returns its exit status. */
int master_run(struct kernel *k);

#endif
