/* spool_tries.h - how often a task failed so far, in a small file beside it that uWSGI 2.0 does not look at.
 *
 * A task that never failed has none.  One that failed gets a time of whole seconds, so the file is only looked for
 * where there may be one. */
#ifndef SPOOL_TRIES_H
#define SPOOL_TRIES_H

#include "spool_dir.h"

unsigned spool_tries_read(const struct spool_dir *dir, const char *path);
/* 0 or a negative errno. */
int spool_tries_write(const struct spool_dir *dir, const char *path, unsigned tries);
void spool_tries_forget(const struct spool_dir *dir, const char *path);
/* Remove those whose task is gone, and those that a process began before `then` and never wrote, in seconds of the
 * epoch. */
void spool_tries_sweep(const struct spool_dir *dir, int64_t then);

#endif
