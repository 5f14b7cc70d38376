/* spool_spare.c - see spool_spare.h.
 *
 * Each spare has a cell in shared memory, and a name of its own.  Whoever moves a cell to BUSY has the name for
 * himself; a process that dies then leaves it BUSY, which costs a spare and nothing else. */
#include "spool_spare.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uwsgi/shm.h>

#include "spool_hash.h"
#include "spool_sync.h"

#define SPARES 64

enum { EMPTY, FULL, BUSY };

struct shared {
	uint64_t id; /* of this server: others may use the directory too */
	_Atomic int cells[SPARES];
	struct spool_moment laid[SPARES]; /* when it became FULL; of who made it BUSY */
};

struct spool_spares {
	struct shared *shared;
	const struct spool_sync *sync;
};

struct spool_spares *spool_spares_create(const char *path, const struct spool_sync *sync)
{
	char name[40];
	struct spool_spares *spares = calloc(1, sizeof *spares);
	snprintf(name, sizeof name, "spares %016llx", (unsigned long long)spool_hash(path));
	if (spares)
		spares->shared = uwsgi_shm_keep(name, sizeof *spares->shared);
	if (!spares || !spares->shared) {
		free(spares);
		return NULL;
	}
	if (!spares->shared->id && getrandom(&spares->shared->id, sizeof spares->shared->id, 0) == -1)
		spares->shared->id = (uint64_t)(uintptr_t)spares;
	spares->sync = sync;
	return spares;
}

static void name_of(const struct spool_spares *spares, int number, char name_r[64])
{
	snprintf(name_r, 64, SPOOL_NEW "spare_%016llx_%d", (unsigned long long)spares->shared->id, number);
}

/* Move a cell from one state to BUSY.  False: it is in another. */
static bool claim(struct spool_spares *spares, int number, int from)
{
	_Atomic int *cell = &spares->shared->cells[number];
	int expected = from;
	return atomic_load_explicit(cell, memory_order_relaxed) == from &&
	       atomic_compare_exchange_strong(cell, &expected, BUSY);
}

static bool lasts(const struct spool_spares *spares, int number)
{
	return !spares->sync || spool_sync_lasts(spares->sync, spares->shared->laid[number]);
}

int spool_spares_put(struct spool_spares *spares, const struct spool_dir *dir, const char *path)
{
	char name[64];
	int number = 0;
	int64_t priority = strchr(path, '/') ? strtoll(path, NULL, 10) : -1;
	while (number < SPARES && !claim(spares, number, EMPTY))
		number++;
	if (number == SPARES)
		return -ENOSPC;
	name_of(spares, number, name);
	int failed = renameat(dir->fd, path, dir->state, name) == -1 ? -errno : 0;
	if (spares->sync)
		spares->shared->laid[number] = spool_sync_now(spares->sync, priority);
	atomic_store(&spares->shared->cells[number], failed ? EMPTY : FULL);
	return failed;
}

int spool_spares_take(struct spool_spares *spares, char name_r[64])
{
	for (int number = 0; number < SPARES; number++) {
		if (!claim(spares, number, FULL))
			continue;
		if (lasts(spares, number)) {
			name_of(spares, number, name_r);
			return number;
		}
		atomic_store(&spares->shared->cells[number], FULL);
	}
	return -ENOENT;
}

void spool_spares_gone(struct spool_spares *spares, int number)
{
	atomic_store(&spares->shared->cells[number], EMPTY);
}
