/* spool_sync.c - see spool_sync.h.  Who gets the lock leads a round: it syncs for all whose files are in their place.
 * The others sleep until the round ends, and are woken together. */
#include "spool_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <uwsgi/shm.h>

#include "spool_hash.h"

#define LEADER_MISSED_US 20000 /* a leader that was killed is missed after so long */
#define GATHER_MAX_US 50000    /* a disk that took longer stood still */

/* What is counted are files, since the server began; counts are compared by their difference, which survives overflow.
 */
struct shared {
	_Atomic uint32_t placed;
	_Atomic uint32_t synced;  /* of these; written under the lock */
	_Atomic uint32_t awaited; /* the count at which a leader wants to be woken */
	_Atomic uint32_t rounds;  /* syncs that ended */
	uint32_t last_batch;	  /* files of the last round; under the lock, as what follows */
	uint32_t last_us;	  /* how long it took, at most GATHER_MAX_US */
};

struct spool_sync {
	struct shared *shared;
	struct uwsgi_lock *lock;
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void sleep_while(_Atomic uint32_t *word, uint32_t value, uint64_t us)
{
	struct timespec limit = { (time_t)(us / 1000000), (long)(us % 1000000 * 1000) };
	syscall(SYS_futex, word, FUTEX_WAIT, value, &limit, NULL, 0);
}

static void wake_all(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

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

static bool reached(uint32_t count, uint32_t wanted)
{
	return (int32_t)(count - wanted) >= 0;
}

/* Those of the last round are about to place their next files: wait for as many, but no longer than that round took.
 * Returns how many files are in their place. */
static uint32_t gather(struct shared *shared)
{
	uint32_t wanted = atomic_load(&shared->synced) + shared->last_batch;
	uint64_t now = now_us(), end = now + shared->last_us;
	uint32_t placed;
	atomic_store(&shared->awaited, wanted);
	while (!reached(placed = atomic_load(&shared->placed), wanted) && now < end) {
		sleep_while(&shared->placed, placed, end - now);
		now = now_us();
	}
	return placed;
}

/* One sync for all whose files are in their place; under the lock. */
static int lead(struct shared *shared, const char *path)
{
	uint32_t placed = gather(shared);
	uint64_t began = now_us();
	int failed = spool_sync_alone(path);
	if (failed)
		return failed;
	uint64_t took_us = now_us() - began;
	shared->last_us = (uint32_t)(took_us < GATHER_MAX_US ? took_us : GATHER_MAX_US);
	shared->last_batch = placed - atomic_load(&shared->synced);
	atomic_store(&shared->synced, placed);
	return 0;
}

int spool_sync_wait(struct spool_sync *sync, const char *path)
{
	struct shared *shared = sync->shared;
	uint32_t mine = atomic_fetch_add(&shared->placed, 1) + 1;
	if (mine == atomic_load(&shared->awaited))
		wake_all(&shared->placed);
	for (;;) {
		uint32_t round = atomic_load(&shared->rounds);
		if (reached(atomic_load(&shared->synced), mine))
			return 0;
		if (uwsgi_lock_try(sync->lock) >= 0) { /* a dead owner left `synced` as it was: too small at worst */
			int failed = reached(atomic_load(&shared->synced), mine) ? 0 : lead(shared, path);
			uwsgi_lock_give(sync->lock);
			atomic_fetch_add(&shared->rounds, 1);
			wake_all(&shared->rounds);
			return failed;
		}
		sleep_while(&shared->rounds, round, LEADER_MISSED_US);
	}
}

uint32_t spool_sync_now(const struct spool_sync *sync)
{
	return atomic_load(&sync->shared->placed);
}

/* The file that is placed next is placed after it. */
bool spool_sync_lasts(const struct spool_sync *sync, uint32_t moment)
{
	return reached(atomic_load(&sync->shared->synced), moment + 1);
}
