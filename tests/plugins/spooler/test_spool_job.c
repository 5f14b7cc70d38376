/* One task from its file to its end, and the lock between those who want it. */
#include <errno.h>
#include <time.h>

#include "spool_folder.h"
#include "spool_job.h"
#include "spool_spare.h"
#include "spool_tries.h"

#define NOW 2000000000
#define LATER (NOW + 100)

static struct spool_job job;
static int64_t due;

static void begin(void)
{
	folder_make();
	job = (struct spool_job){ .fd = -1 };
}

static void end(void)
{
	spool_job_destroy(&job);
	folder_remove();
}

TestSuite(spool_job, .init = begin, .fini = end, .timeout = 20);

static enum spool_look open_job(const char *path)
{
	return spool_job_open(&job, &dir, path, NOW, &due);
}

static void make_longer(const char *path, off_t size)
{
	int fd = openat(dir.fd, path, O_WRONLY | O_CLOEXEC);
	cr_assert_eq(ftruncate(fd, size), 0);
	close(fd);
}

static void expect_id(const char *id)
{
	struct uwsgi_str value = spool_task_value(&job.task, "id");
	cr_assert(value.n == strlen(id) && !memcmp(value.p, id, value.n));
}

Test(spool_job, one_job_serves_task_after_task)
{
	for (int i = 0; i < 3; i++) {
		write_task(i % 2 ? A : B);
		cr_assert_eq(open_job(i % 2 ? A : B), SPOOL_OPEN);
		expect_id(i % 2 ? A : B);
		cr_assert_eq(spool_job_end(&job, &dir, &(struct spool_decision){ SPOOL_DELETE, 0, 0 }), 0);
		spool_job_close(&job);
		cr_assert(!is_there(A) && !is_there(B));
	}
}

Test(spool_job, a_task_of_a_clock_that_was_put_back_since_runs)
{
	write_task(A);
	cr_assert_eq(spool_job_open(&job, &dir, A, 1000, &due), SPOOL_OPEN);
}

Test(spool_job, nobody_else_gets_it_before_it_is_closed)
{
	struct spool_job other = { .fd = -1 };
	write_task(A);
	cr_assert_eq(open_job(A), SPOOL_OPEN);
	cr_assert_eq(spool_job_open(&other, &dir, A, NOW, &due), SPOOL_TAKEN);
	other.path = A;
	cr_assert_eq(spool_job_read(&other, true, SIZE_MAX), -EAGAIN);
	spool_job_close(&other);
	spool_job_close(&job);
	cr_assert_eq(spool_job_open(&other, &dir, A, NOW, &due), SPOOL_OPEN);
	spool_job_destroy(&other);
}

Test(spool_job, what_is_kept_is_due_later_with_its_failures)
{
	write_task(A);
	cr_assert_eq(open_job(A), SPOOL_OPEN);
	cr_assert_eq(spool_job_end(&job, &dir, &(struct spool_decision){ SPOOL_KEEP, 2, LATER }), 0);
	spool_job_close(&job);
	cr_assert_eq(open_job(A), SPOOL_EARLY);
	cr_assert_eq(due, LATER);
	cr_assert_eq(spool_job_open(&job, &dir, A, LATER, &due), SPOOL_OPEN);
	cr_assert_eq(job.tries, 2);
	cr_assert_eq(spool_job_end(&job, &dir, &(struct spool_decision){ SPOOL_BURY, 3, 0 }), 0);
	cr_assert(is_there(SPOOL_DEAD "/" A));
	cr_assert_eq(spool_tries_read(&dir, A), 0);
}

Test(spool_job, the_file_of_a_small_task_becomes_a_spare)
{
	char name[64];
	dir.spares = spool_spares_create(folder, NULL);
	write_task(A);
	cr_assert_eq(open_job(A), SPOOL_OPEN);
	cr_assert_eq(spool_job_end(&job, &dir, &(struct spool_decision){ SPOOL_DELETE, 0, 0 }), 0);
	cr_assert_geq(spool_spares_take(dir.spares, name), 0);
	spool_job_close(&job);

	write_task(B);
	make_longer(B, SPOOL_SPARE_MAX + 1);
	cr_assert_eq(open_job(B), SPOOL_OPEN);
	cr_assert_eq(spool_job_end(&job, &dir, &(struct spool_decision){ SPOOL_DELETE, 0, 0 }), 0);
	cr_assert_eq(spool_spares_take(dir.spares, name), -ENOENT, "a large one does not");
	cr_assert(!is_there(B));
}

Test(spool_job, what_cannot_be_run_is_told_apart)
{
	write_file(A, "", 0);
	cr_assert_eq(open_job(A), SPOOL_TAKEN, "somebody is writing it");
	write_file(A, "GET / HTTP", 10);
	cr_assert_eq(open_job(A), SPOOL_TORN);
	spool_job_close(&job);
	write_task(A);
	job.most = 10;
	cr_assert_eq(open_job(A), SPOOL_HUGE);
	spool_job_close(&job);
	job.most = 0;
	cr_assert_eq(open_job(B), SPOOL_GONE);
	cr_assert_eq(symlinkat(A, dir.fd, B), 0);
	cr_assert_eq(open_job(B), SPOOL_BROKEN);
	cr_assert_eq(unlinkat(dir.fd, B, 0), 0);
	cr_assert_eq(mkfifoat(dir.fd, B, 0600), 0);
	cr_assert_eq(open_job(B), SPOOL_BROKEN);
}

Test(spool_job, of_a_large_task_the_pairs_can_be_read_alone)
{
	write_task(A);
	make_longer(A, (off_t)1 << 30);
	job.path = A;
	cr_assert_eq(spool_job_read(&job, true, SPOOL_PACKET_MAX), 0);
	expect_id(A);
	cr_assert_eq(job.len, SPOOL_PACKET_MAX);
}
