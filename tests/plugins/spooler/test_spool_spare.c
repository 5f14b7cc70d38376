/* Files of done tasks serve the next ones, each one at a time. */
#include <errno.h>

#include "spool_folder.h"
#include "spool_spare.h"
#include "spool_sync.h"

#define ENOUGH 64

TestSuite(spool_spare, .init = folder_make, .fini = folder_remove, .timeout = 20);

static const char *in_state(const char *name)
{
	static char path[128];
	snprintf(path, sizeof path, SPOOL_STATE "/%s", name);
	return path;
}

Test(spool_spare, a_file_that_is_put_is_taken_once)
{
	char name[64];
	struct spool_spares *spares = spool_spares_create(folder, NULL);
	cr_assert_eq(spool_spares_take(spares, name), -ENOENT);
	write_task(A);
	cr_assert_eq(spool_spares_put(spares, &dir, A), 0);
	cr_assert(!is_there(A));
	int number = spool_spares_take(spares, name);
	cr_assert_geq(number, 0);
	cr_assert(is_there(in_state(name)));
	cr_assert_eq(spool_spares_take(spares, name), -ENOENT);
}

Test(spool_spare, there_are_only_so_many_and_one_that_is_gone_makes_room)
{
	char name[64];
	struct spool_spares *spares = spool_spares_create(folder, NULL);
	for (int i = 0; i < ENOUGH; i++) {
		write_task(A);
		cr_assert_eq(spool_spares_put(spares, &dir, A), 0);
	}
	write_task(A);
	cr_assert_eq(spool_spares_put(spares, &dir, A), -ENOSPC);
	cr_assert(is_there(A), "it is still in its place");
	int number = spool_spares_take(spares, name);
	cr_assert_eq(spool_spares_put(spares, &dir, A), -ENOSPC, "whoever took it may still write it");
	cr_assert_eq(renameat(dir.state, name, dir.fd, B), 0);
	spool_spares_gone(spares, number);
	cr_assert_eq(spool_spares_put(spares, &dir, A), 0);
}

Test(spool_spare, a_file_that_cannot_be_put_takes_no_room)
{
	char name[64];
	struct spool_spares *spares = spool_spares_create(folder, NULL);
	for (int i = 0; i < 2 * ENOUGH; i++)
		cr_assert_eq(spool_spares_put(spares, &dir, A), -ENOENT);
	cr_assert_eq(spool_spares_take(spares, name), -ENOENT);
	write_task(A);
	cr_assert_eq(spool_spares_put(spares, &dir, A), 0);
}

Test(spool_spare, a_file_serves_no_other_before_it_lasts_that_it_is_no_task)
{
	char name[64];
	struct spool_sync *sync = spool_sync_create(folder);
	struct spool_spares *spares = spool_spares_create(folder, sync);
	write_task(A);
	cr_assert_eq(spool_sync_wait(sync, -1, false), 0);
	cr_assert_eq(spool_spares_put(spares, &dir, A), 0);
	cr_assert_eq(spool_spares_take(spares, name), -ENOENT, "the last sync began before it was put aside");
	cr_assert_eq(spool_sync_wait(sync, -1, false), 0);
	cr_assert_geq(spool_spares_take(spares, name), 0);
}
