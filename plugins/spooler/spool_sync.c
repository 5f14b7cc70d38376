/* spool_sync.c - see spool_sync.h.  Who gets the lock leads a round: it syncs each directory that has files which do
 * not last yet.  The others sleep until the round ends, and are woken together. */
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

#define FOLDERS 16 /* the spooler's directory, and those of so many priorities but one; others sync their own */

/* What is counted are files, since the server began; counts are compared by their difference, which survives overflow.
 */
struct folder {
	_Atomic int64_t key; /* the priority plus one; 0: nobody's yet.  Not of the first, the spooler's directory */
	_Atomic uint32_t placed;
	_Atomic uint32_t synced; /* of these; written under the lock */
};

struct shared {
	struct folder folders[FOLDERS];
	_Atomic uint32_t placed;  /* in all of them */
	_Atomic uint32_t awaited; /* the count at which a leader wants to be woken */
	_Atomic uint32_t rounds;  /* that ended */
	uint32_t last_placed;	  /* when the last round began; under the lock, as what follows */
	uint32_t last_batch;	  /* files of the last round */
	uint32_t last_us;	  /* how long it took, at most GATHER_MAX_US */
};

struct spool_sync {
	const char *path;
	struct shared *shared;
	struct uwsgi_lock *lock;
};

/* What a writer waits for: that so many files of its folder last, and of the spooler's directory, in which the folder
 * itself may be new. */
struct wish {
	int folder;
	uint32_t count, top_count;
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
	sync->path = path;
	sync->shared = uwsgi_shm_keep(name, sizeof *sync->shared);
	sync->lock = uwsgi_lock_create(name);
	if (sync->shared && sync->lock)
		return sync;
	free(sync);
	return NULL;
}

static bool reached(uint32_t count, uint32_t wanted)
{
	return (int32_t)(count - wanted) >= 0;
}

static bool is_granted(const struct shared *shared, const struct wish *wish)
{
	return reached(atomic_load(&shared->folders[wish->folder].synced), wish->count) &&
	       reached(atomic_load(&shared->folders[0].synced), wish->top_count);
}

/* ---- folders ---- */

/* The folder of a priority, which is taken when it has none; -1: there are too many.  Who finds it taken may rely on
 * the directory's count: the entry of the folder is in it. */
static int folder_of(struct shared *shared, int64_t priority)
{
	if (priority < 0)
		return 0;
	for (int i = 1; i < FOLDERS; i++) {
		int64_t key = atomic_load(&shared->folders[i].key);
		if (!key) {
			atomic_fetch_add(&shared->folders[0].placed, 1);
			if (atomic_compare_exchange_strong(&shared->folders[i].key, &key, priority + 1))
				return i;
		}
		if (key == priority + 1)
			return i;
	}
	return -1;
}

static int sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return -errno;
	int failed = fsync(fd) == -1 ? -errno : 0;
	close(fd);
	return failed;
}

static int sync_priority(const struct spool_sync *sync, int64_t priority)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/%lld", sync->path, (long long)priority);
	return n < (int)sizeof path ? sync_path(path) : -ENAMETOOLONG;
}

static int sync_folder(const struct spool_sync *sync, int i)
{
	int64_t key = atomic_load(&sync->shared->folders[i].key);
	return i ? sync_priority(sync, key - 1) : sync_path(sync->path);
}

/* ---- a round ---- */

/* Those of the last round are about to place their next files: wait for as many, but no longer than that round took.
 * Returns how many files are in their place. */
static uint32_t gather(struct shared *shared)
{
	uint32_t wanted = shared->last_placed + shared->last_batch;
	uint64_t now = now_us(), end = now + shared->last_us;
	uint32_t placed;
	atomic_store(&shared->awaited, wanted);
	while (!reached(placed = atomic_load(&shared->placed), wanted) && now < end) {
		sleep_while(&shared->placed, placed, end - now);
		now = now_us();
	}
	return placed;
}

/* 0, or what went wrong with one of the two folders of the wish; the wishes of others are theirs. */
static int sync_all(const struct spool_sync *sync, const struct wish *wish)
{
	int failed = 0;
	for (int i = 0; i < FOLDERS; i++) {
		struct folder *folder = &sync->shared->folders[i];
		uint32_t placed = atomic_load(&folder->placed);
		if (atomic_load(&folder->synced) == placed)
			continue;
		int result = sync_folder(sync, i);
		if (!result)
			atomic_store(&folder->synced, placed);
		else if (i == 0 || i == wish->folder)
			failed = result;
	}
	return failed;
}

/* Under the lock. */
static int lead(const struct spool_sync *sync, const struct wish *wish)
{
	struct shared *shared = sync->shared;
	uint32_t placed = gather(shared);
	uint64_t began = now_us();
	int failed = sync_all(sync, wish);
	uint64_t took_us = now_us() - began;
	shared->last_us = (uint32_t)(took_us < GATHER_MAX_US ? took_us : GATHER_MAX_US);
	shared->last_batch = placed - shared->last_placed;
	shared->last_placed = placed;
	return failed;
}

/* ---- what writers ask ---- */

static int wait_for(struct spool_sync *sync, const struct wish *wish)
{
	struct shared *shared = sync->shared;
	for (;;) {
		uint32_t round = atomic_load(&shared->rounds);
		if (is_granted(shared, wish))
			return 0;
		if (uwsgi_lock_try(sync->lock) >= 0) { /* a dead owner left counts as they were: too small at worst */
			int failed = is_granted(shared, wish) ? 0 : lead(sync, wish);
			uwsgi_lock_give(sync->lock);
			atomic_fetch_add(&shared->rounds, 1);
			wake_all(&shared->rounds);
			return failed;
		}
		sleep_while(&shared->rounds, round, LEADER_MISSED_US);
	}
}

int spool_sync_wait(struct spool_sync *sync, int64_t priority, bool is_new)
{
	struct shared *shared = sync->shared;
	int i = folder_of(shared, priority), failed = i < 0 ? sync_priority(sync, priority) : 0;
	if (failed)
		return failed;
	if (is_new && i > 0)
		atomic_fetch_add(&shared->folders[0].placed, 1);
	struct wish wish = { .folder = i < 0 ? 0 : i };
	wish.count = atomic_fetch_add(&shared->folders[wish.folder].placed, 1) + 1;
	wish.top_count = atomic_load(&shared->folders[0].placed);
	uint32_t mine = atomic_fetch_add(&shared->placed, 1) + 1; /* last: whoever sees it sees the others */
	if (mine == atomic_load(&shared->awaited))
		wake_all(&shared->placed);
	return wait_for(sync, &wish);
}

struct spool_moment spool_sync_now(const struct spool_sync *sync, int64_t priority)
{
	int i = folder_of(sync->shared, priority);
	return (struct spool_moment){ i, i < 0 ? 0 : atomic_load(&sync->shared->folders[i].placed) };
}

/* The file that is placed next is placed after it. */
bool spool_sync_lasts(const struct spool_sync *sync, struct spool_moment moment)
{
	return moment.folder >= 0 &&
	       reached(atomic_load(&sync->shared->folders[moment.folder].synced), moment.count + 1);
}
