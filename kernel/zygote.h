/* zygote.h - the process that loads the application once and forks the others from it. */
#ifndef KERNEL_ZYGOTE_H
#define KERNEL_ZYGOTE_H

#include "kernel.h"

/* Load the application in this process, as the configuration wants it.  The number of applications, or a negative
 * errno after the cause was logged as the last line. */
int zygote_load(struct kernel *k);

/* Be the zygote of k->generation on k->control_fd; does not return.  Signals are held on entry. */
_Noreturn void zygote_main(struct kernel *k);

#endif
