/* spool_sync.h - making directory entries last, together.
 *
 * Whoever put a file into the directory asks for a sync; of those who ask at the same time, in any process of the
 * server, one does it for all who had their file in place when it began. Before it begins it waits for as many as
 * shared the last one, but no longer than that one took. */
#ifndef SPOOL_SYNC_H
#define SPOOL_SYNC_H

#include <stdbool.h>
#include <stdint.h>

struct spool_sync;

/* [main] NULL: no shared memory. */
struct spool_sync *spool_sync_create(const char *path);
/* The file is in its place in the directory `path`: return when that lasts.  0 or a negative errno. */
int spool_sync_wait(struct spool_sync *sync, const char *path);
/* The same for a directory that nobody shares. */
int spool_sync_alone(const char *path);
/* Now, and whether what was done to the directory before a moment lasts: a sync that began after it has ended. */
uint32_t spool_sync_now(const struct spool_sync *sync);
bool spool_sync_lasts(const struct spool_sync *sync, uint32_t moment);

#endif
