/* master.h - the process that keeps all others running. */
#ifndef KERNEL_MASTER_H
#define KERNEL_MASTER_H

#include "kernel.h"

#include <stdbool.h>

struct master;

/* Supervise until the server is told to end; returns its exit status. */
int master_run(struct kernel *k);

/* ---- what an operator can tell it; see command.c for the letters ---- */

enum master_reload { MASTER_RELOAD, MASTER_RELOAD_BRUTAL, MASTER_RELOAD_CHAIN };
void master_reload(struct master *m, enum master_reload how);
/* Finish the requests and end; or, `fast`, end. */
void master_stop(struct master *m, bool fast);
/* New processes of the kind that serves, from the application as it is loaded (or, with lazy-apps, loaded again). */
void master_replace_workers(struct master *m, bool fast);
/* The same for another kind, by its name. */
void master_replace_kind(struct master *m, const char *name);
void master_pause(struct master *m);
void master_log_status(struct master *m);
/* One worker more or less. */
void master_grow(struct master *m, int by);
void master_cheap(struct master *m);
struct kernel *master_kernel(struct master *m);

#endif
