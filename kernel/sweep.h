/* sweep.h - looking for connections that have waited too long. */
#ifndef KERNEL_SWEEP_H
#define KERNEL_SWEEP_H

#include "serve.h"

/* Close, or answer 408, what has waited too long; close what is idle while draining. */
void sweep_run(struct core *core, uint64_t now_ms);

#endif
