/* spool_spare.h - files of tasks that are done, kept for tasks to come.
 *
 * Making a file is most of what a task costs where the file system does not give a removed inode out again for a while
 * and looks past each of them (ext4: a minute).  So a done task's file is laid aside, and the next writer of the same
 * server writes over it - when it lasts that it is no task any more: the machine may die while the file is half
 * written, and must not find it under its old name. */
#ifndef SPOOL_SPARE_H
#define SPOOL_SPARE_H

#include "spool_dir.h"

/* Only files of at most so many bytes are kept. */
#define SPOOL_SPARE_MAX 262144

struct spool_spares;
struct spool_sync;

/* [main] Without a sync nobody cares what lasts.  NULL: no shared memory. */
struct spool_spares *spool_spares_create(const char *path, const struct spool_sync *sync);
/* Lay the file of a done task aside.  0; -ENOSPC: there are enough; or a negative errno: it is still in its place. */
int spool_spares_put(struct spool_spares *spares, const struct spool_dir *dir, const char *path);
/* A spare for this process alone: its number and its name in the state.  -ENOENT: there is none. */
int spool_spares_take(struct spool_spares *spares, char name_r[64]);
/* The file of that name is gone, to its place or altogether. */
void spool_spares_gone(struct spool_spares *spares, int number);

#endif
