/* override.h - workers that do something else than accept requests. */
#ifndef KERNEL_OVERRIDE_H
#define KERNEL_OVERRIDE_H

#include "kernel.h"

/* Register the options.  0 or a negative errno. */
int override_register(struct kernel *k);
/* Run what the configuration wants in place of the accept loop.  Its exit status; -ENOENT: nothing of that kind. */
int override_run(struct kernel *k);
/* See uwsgi_worker_own. */
void override_own(struct kernel *k);
/* The same for a process that has nothing to do with sockets; see uwsgi_process_own. */
void override_own_process(struct kernel *k);

#endif
