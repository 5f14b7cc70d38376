/* Syncs are shared: a slow disk that counts takes the place of the real one. */
#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "spool_folder.h"
#include "spool_sync.h"

#define WRITERS 8
#define SYNC_US 50000

/* Shared with the writers. */
static struct disk {
	_Atomic int begun, done; /* syncs */
	_Atomic int waiting;
	_Atomic int unsynced; /* writers who returned before a sync that began after they asked */
	_Atomic bool dies;    /* the next sync ends its process */
	bool fast;
} * disk;

int fsync(int fd)
{
	(void)fd;
	int mine = atomic_fetch_add(&disk->begun, 1) + 1;
	bool dies = atomic_exchange(&disk->dies, false);
	usleep(disk->fast ? 0 : SYNC_US);
	if (dies)
		_exit(0);
	if (atomic_load(&disk->done) < mine)
		atomic_store(&disk->done, mine);
	return 0;
}

TestSuite(spool_sync, .init = folder_make, .fini = folder_remove, .timeout = 20);

static struct spool_sync *sync_of_disk(void)
{
	disk = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(disk, MAP_FAILED);
	struct spool_sync *sync = spool_sync_create(folder);
	cr_assert_not_null(sync);
	return sync;
}

static void write_tasks(struct spool_sync *sync, int priority, int tasks)
{
	atomic_fetch_add(&disk->waiting, 1);
	while (atomic_load(&disk->waiting) < WRITERS)
		usleep(100);
	for (int i = 0; i < tasks; i++) {
		usleep(i ? SYNC_US / 4 : 0); /* the sync of the task itself */
		int before = atomic_load(&disk->begun);
		if (spool_sync_wait(sync, priority, false) || atomic_load(&disk->done) < before + 1)
			atomic_fetch_add(&disk->unsynced, 1);
	}
	_exit(0);
}

static void write_at_once(struct spool_sync *sync, int priority, int tasks)
{
	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0)
			write_tasks(sync, priority, tasks);
	while (wait(NULL) > 0)
		;
}

Test(spool_sync, those_who_write_at_once_share_a_sync)
{
	struct spool_sync *sync = sync_of_disk();
	write_at_once(sync, -1, 1);
	cr_assert_eq(disk->unsynced, 0);
	cr_expect_leq(disk->begun, 3, "%d writers made %d syncs", WRITERS, disk->begun);
}

Test(spool_sync, those_who_go_on_writing_wait_for_each_other)
{
	struct spool_sync *sync = sync_of_disk();
	write_at_once(sync, -1, 5);
	cr_assert_eq(disk->unsynced, 0);
	cr_expect_leq(disk->begun, 8, "%d writers of 5 tasks made %d syncs", WRITERS, disk->begun);
}

Test(spool_sync, followers_of_a_leader_who_dies_find_another)
{
	struct spool_sync *sync = sync_of_disk();
	disk->dies = true;
	write_at_once(sync, -1, 1);
	cr_assert_eq(disk->unsynced, 0);
	cr_expect_geq(disk->begun, 2);
	cr_expect_leq(disk->begun, 4, "%d writers made %d syncs", WRITERS, disk->begun);
}

Test(spool_sync, one_after_the_other_each_has_its_own)
{
	struct spool_sync *sync = sync_of_disk();
	cr_assert_eq(spool_sync_wait(sync, -1, false), 0);
	cr_assert_eq(spool_sync_wait(sync, -1, false), 0);
	cr_assert_eq(disk->done, 2);
}

Test(spool_sync, who_dies_while_syncing_leaves_the_work_to_the_next)
{
	struct spool_sync *sync = sync_of_disk();
	disk->dies = true;
	if (fork() == 0) {
		spool_sync_wait(sync, -1, false);
		_exit(1);
	}
	while (wait(NULL) > 0)
		;
	cr_assert_eq(spool_sync_wait(sync, -1, false), 0);
	cr_assert(disk->begun == 2 && disk->done == 2);
}

Test(spool_sync, tasks_of_a_priority_share_syncs_too)
{
	struct spool_sync *sync = sync_of_disk();
	cr_assert_eq(mkdirat(dir.fd, "7", 0700), 0);
	write_at_once(sync, 7, 5);
	cr_assert_eq(disk->unsynced, 0);
	cr_expect_leq(disk->begun, 12, "%d writers of 5 tasks made %d syncs", WRITERS, disk->begun);
}

Test(spool_sync, where_a_priority_is_new_the_directory_is_synced_too)
{
	struct spool_sync *sync = sync_of_disk();
	cr_assert_eq(mkdirat(dir.fd, "7", 0700), 0);
	cr_assert_eq(spool_sync_wait(sync, 7, true), 0);
	cr_assert_eq(disk->done, 2);
	cr_assert_eq(spool_sync_wait(sync, 7, false), 0);
	cr_assert_eq(disk->done, 3);
	cr_assert_eq(spool_sync_wait(sync, 7, true), 0);
	cr_assert_eq(disk->done, 5, "it was removed, and made again");
}

Test(spool_sync, who_finds_a_priority_that_another_has_made_does_not_rely_on_him)
{
	struct spool_sync *sync = sync_of_disk();
	cr_assert_eq(mkdirat(dir.fd, "7", 0700), 0);
	cr_assert_eq(spool_sync_wait(sync, 7, false), 0);
	cr_assert_eq(disk->done, 2);
}

Test(spool_sync, any_number_of_priorities_is_synced)
{
	struct spool_sync *sync = sync_of_disk();
	disk->fast = true;
	for (int priority = 0; priority < 40; priority++) {
		char name[8];
		int before = disk->done;
		snprintf(name, sizeof name, "%d", priority);
		cr_assert_eq(mkdirat(dir.fd, name, 0700), 0);
		cr_assert_eq(spool_sync_wait(sync, priority, true), 0);
		cr_assert_eq(disk->done, before + 2, "%d", priority);
	}
}

Test(spool_sync, what_cannot_be_synced_is_an_error_for_its_writers_alone)
{
	struct spool_sync *sync = sync_of_disk();
	cr_assert_eq(spool_sync_wait(sync, 7, false), -ENOENT);
	cr_assert_eq(spool_sync_wait(sync, -1, false), 0);
	cr_assert_eq(spool_sync_wait(sync, 7, false), -ENOENT);
	cr_assert_eq(mkdirat(dir.fd, "7", 0700), 0);
	cr_assert_eq(spool_sync_wait(sync, 7, true), 0);
}

Test(spool_sync, a_directory_that_is_not_there_is_an_error)
{
	sync_of_disk();
	struct spool_sync *sync = spool_sync_create("/nowhere");
	cr_assert_eq(spool_sync_wait(sync, -1, false), -ENOENT);
	cr_assert_eq(spool_sync_wait(sync, -1, false), -ENOENT);
	cr_assert_eq(disk->begun, 0);
}

Test(spool_sync, what_was_done_before_lasts_after_the_next_sync_of_that_directory)
{
	struct spool_sync *sync = sync_of_disk();
	cr_assert_eq(mkdirat(dir.fd, "7", 0700), 0);
	struct spool_moment above = spool_sync_now(sync, -1), below = spool_sync_now(sync, 7);
	cr_assert(!spool_sync_lasts(sync, above) && !spool_sync_lasts(sync, below));
	cr_assert_eq(spool_sync_wait(sync, -1, false), 0);
	cr_assert(spool_sync_lasts(sync, above) && !spool_sync_lasts(sync, below));
	cr_assert_eq(spool_sync_wait(sync, 7, false), 0);
	cr_assert(spool_sync_lasts(sync, below));
	cr_assert_not(spool_sync_lasts(sync, spool_sync_now(sync, 7)));
}
