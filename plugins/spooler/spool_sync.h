/* spool_sync.h - making directory entries last, together.
 *
 * Whoever put a file into the directory, or into that of a priority below it, asks for a sync; of those who ask at the
 * same time, in any process of the server, one does it for all who had their file in place when it began.  Before it
 * begins it waits for as many as shared the last one, but no longer than that one took. */
#ifndef SPOOL_SYNC_H
#define SPOOL_SYNC_H

#include <stdbool.h>
#include <stdint.h>

struct spool_sync;

/* [main] For the directory `path`, which is kept, not copied.  NULL: no shared memory. */
struct spool_sync *spool_sync_create(const char *path);
/* The file is in its place, in the directory of `priority` (-1: without one), which may have been made for it: return
 * when that lasts.  0 or a negative errno.  [any] */
int spool_sync_wait(struct spool_sync *sync, int64_t priority, bool is_new);

/* A moment, in one of the directories. */
struct spool_moment {
	int folder;
	uint32_t count;
};
struct spool_moment spool_sync_now(const struct spool_sync *sync, int64_t priority);
/* Does what was done to that directory before a moment last?  A sync that began after it has ended. */
bool spool_sync_lasts(const struct spool_sync *sync, struct spool_moment moment);

#endif
