/* Syncs are shared: a slow disk that counts takes the place of the real one. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spool_sync.h"

#define WRITERS 8
#define SYNC_US 50000

/* Shared with the writers. */
static struct disk {
	_Atomic int begun, done; /* syncs */
	_Atomic int waiting;
	_Atomic int unsynced; /* writers who returned before a sync that began after they asked */
	_Atomic bool dies;    /* the next sync ends its process */
} * disk;

int fsync(int fd)
{
	(void)fd;
	int mine = atomic_fetch_add(&disk->begun, 1) + 1;
	bool dies = atomic_exchange(&disk->dies, false);
	usleep(SYNC_US);
	if (dies)
		_exit(0);
	if (atomic_load(&disk->done) < mine)
		atomic_store(&disk->done, mine);
	return 0;
}

static struct spool_sync *sync_of_disk(void)
{
	disk = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(disk, MAP_FAILED);
	struct spool_sync *sync = spool_sync_create("/");
	cr_assert_not_null(sync);
	return sync;
}

static void write_tasks(struct spool_sync *sync, int tasks)
{
	atomic_fetch_add(&disk->waiting, 1);
	while (atomic_load(&disk->waiting) < WRITERS)
		usleep(100);
	for (int i = 0; i < tasks; i++) {
		usleep(i ? SYNC_US / 4 : 0); /* the sync of the task itself */
		int before = atomic_load(&disk->begun);
		if (spool_sync_wait(sync, "/") || atomic_load(&disk->done) < before + 1)
			atomic_fetch_add(&disk->unsynced, 1);
	}
	_exit(0);
}

static void write_at_once(struct spool_sync *sync, int tasks)
{
	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0)
			write_tasks(sync, tasks);
	while (wait(NULL) > 0)
		;
}

Test(spool_sync, those_who_write_at_once_share_a_sync, .timeout = 20)
{
	struct spool_sync *sync = sync_of_disk();
	write_at_once(sync, 1);
	cr_assert_eq(disk->unsynced, 0);
	cr_expect_leq(disk->begun, 3, "%d writers made %d syncs", WRITERS, disk->begun);
}

Test(spool_sync, those_who_go_on_writing_wait_for_each_other, .timeout = 20)
{
	struct spool_sync *sync = sync_of_disk();
	write_at_once(sync, 5);
	cr_assert_eq(disk->unsynced, 0);
	cr_expect_leq(disk->begun, 7, "%d writers of 5 tasks made %d syncs", WRITERS, disk->begun);
}

Test(spool_sync, followers_of_a_leader_who_dies_find_another, .timeout = 20)
{
	struct spool_sync *sync = sync_of_disk();
	disk->dies = true;
	write_at_once(sync, 1);
	cr_assert_eq(disk->unsynced, 0);
	cr_expect_geq(disk->begun, 2);
	cr_expect_leq(disk->begun, 4, "%d writers made %d syncs", WRITERS, disk->begun);
}

Test(spool_sync, one_after_the_other_each_has_its_own, .timeout = 20)
{
	struct spool_sync *sync = sync_of_disk();
	cr_assert_eq(spool_sync_wait(sync, "/"), 0);
	cr_assert_eq(spool_sync_wait(sync, "/"), 0);
	cr_assert_eq(disk->done, 2);
}

Test(spool_sync, who_dies_while_syncing_leaves_the_work_to_the_next, .timeout = 20)
{
	struct spool_sync *sync = sync_of_disk();
	disk->dies = true;
	if (fork() == 0) {
		spool_sync_wait(sync, "/");
		_exit(1);
	}
	while (wait(NULL) > 0)
		;
	cr_assert_eq(spool_sync_wait(sync, "/"), 0);
	cr_assert(disk->begun == 2 && disk->done == 2);
}

Test(spool_sync, a_directory_that_is_not_there_is_an_error)
{
	struct spool_sync *sync = sync_of_disk();
	cr_assert_lt(spool_sync_wait(sync, "/nowhere"), 0);
	cr_assert_eq(spool_sync_wait(sync, "/"), 0);
	cr_assert_eq(disk->done, 1, "what failed counts for nobody");
}
