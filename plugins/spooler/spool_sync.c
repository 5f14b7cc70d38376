/* spool_sync.c - see spool_sync.h.  A leader and its followers, by a lock: who waited for it finds the work done. */
#include "spool_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uwsgi/shm.h>

#include "spool_hash.h"

struct shared {
	_Atomic uint64_t placed; /* files so far */
	uint64_t synced;	 /* of these; under the lock, never more than placed */
};

struct spool_sync {
	struct shared *shared;
	struct uwsgi_lock *lock;
};

/* By the path, because an old generation may know other spoolers, in another order. */
struct spool_sync *spool_sync_create(const char *path)
{
	char name[40];
	struct spool_sync *sync = calloc(1, sizeof *sync);
	snprintf(name, sizeof name, "spooler %016llx", (unsigned long long)spool_hash(path));
	if (!sync)
		return NULL;
	sync->shared = uwsgi_shm_keep(name, sizeof *sync->shared);
	sync->lock = uwsgi_lock_create(name);
	if (sync->shared && sync->lock)
		return sync;
	free(sync);
	return NULL;
}

int spool_sync_alone(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return -errno;
	int failed = fsync(fd) == -1 ? -errno : 0;
	close(fd);
	return failed;
}

int spool_sync_wait(struct spool_sync *sync, const char *path)
{
	uint64_t mine = atomic_fetch_add(&sync->shared->placed, 1) + 1;
	int failed = 0;
	uwsgi_lock_take(sync->lock); /* a dead owner left `synced` as it was: too small at worst */
	if (sync->shared->synced < mine) {
		uint64_t placed = atomic_load(&sync->shared->placed);
		failed = spool_sync_alone(path);
		if (!failed)
			sync->shared->synced = placed;
	}
	uwsgi_lock_give(sync->lock);
	return failed;
}
