/* child.h - the first and last steps of every process the server forks. */
#ifndef KERNEL_CHILD_H
#define KERNEL_CHILD_H

#include "kernel.h"
#include "proc.h"

/* Tell the master something of this process; nothing without one. */
void child_tell(const struct kernel *k, enum message_kind kind);
/* This process is ready. */
void child_ready(const struct kernel *k);
/* Be killed when the master is gone: for code that does not come back to a loop, which would see it. */
void child_end_with_master(const struct kernel *k);
/* Be the process of `slot` until it ends; does not return.  Signals are held (trap_hold) on entry. */
_Noreturn void child_main(struct kernel *k, struct proc_slot *slot);

#endif
