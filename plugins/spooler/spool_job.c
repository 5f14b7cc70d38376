/* spool_job.c - see spool_job.h. */
#include "spool_job.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_spare.h"
#include "spool_tries.h"

/* Memory that is kept between two tasks. */
#define ROOM_KEPT (256 << 10)

static int make_room(struct spool_job *job, size_t size)
{
	if (size <= job->room)
		return 0;
	free(job->bytes);
	job->room = size > ROOM_KEPT ? size : ROOM_KEPT;
	job->bytes = malloc(job->room);
	if (job->bytes)
		return 0;
	job->room = 0;
	return -1;
}

static int read_all(struct spool_job *job, size_t size)
{
	if (make_room(job, size))
		return -1;
	job->len = 0;
	while (job->len < size) {
		ssize_t n = read(job->fd, job->bytes + job->len, size - job->len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		job->len += (size_t)n;
	}
	return 0;
}

static enum spool_look look(struct spool_job *job, const struct spool_dir *dir, int64_t now, int64_t *due_r)
{
	struct stat st, named;
	/* NONBLOCK: it may be a pipe */
	job->fd = openat(dir->fd, job->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (job->fd == -1)
		return errno == ENOENT ? SPOOL_GONE : SPOOL_BROKEN;
	if (spool_lock(job->fd))
		return SPOOL_TAKEN;
	if (fstat(job->fd, &st) == -1)
		return SPOOL_BROKEN;
	/* somebody finished it between open and lock, and the file may be another task's by now */
	if (fstatat(dir->fd, job->path, &named, AT_SYMLINK_NOFOLLOW) == -1 || named.st_ino != st.st_ino)
		return SPOOL_GONE;
	errno = EINVAL;
	if (!S_ISREG(st.st_mode))
		return SPOOL_BROKEN;
	if (spool_is_early(st.st_mtim.tv_sec, st.st_ctim.tv_sec, now)) {
		*due_r = st.st_mtim.tv_sec;
		return SPOOL_EARLY;
	}
	if (!st.st_size)
		return SPOOL_TAKEN;
	if (job->most && (size_t)st.st_size > job->most)
		return SPOOL_HUGE;
	job->spare = st.st_uid == dir->uid && (st.st_mode & 07777) == 0600 && st.st_nlink == 1 &&
		     st.st_size <= SPOOL_SPARE_MAX;
	job->marked = st.st_mtim.tv_nsec == 0;
	if (job->marked)
		job->tries = spool_tries_read(dir, job->path);
	if (read_all(job, (size_t)st.st_size))
		return SPOOL_BROKEN;
	return spool_task_parse(job->bytes, job->len, &job->task) ? SPOOL_TORN : SPOOL_OPEN;
}

enum spool_look spool_job_open(struct spool_job *job, const struct spool_dir *dir, const char *path, int64_t now,
			       int64_t *due_r)
{
	assert(job->fd == -1);
	job->path = path;
	job->tries = 0;
	job->marked = job->spare = false;
	enum spool_look seen = look(job, dir, now, due_r);
	if (seen == SPOOL_OPEN || seen == SPOOL_TORN || seen == SPOOL_HUGE)
		return seen;
	int error = errno;
	spool_job_close(job);
	errno = error;
	return seen;
}

int spool_job_read(struct spool_job *job, bool locked_counts, size_t most)
{
	struct stat st;
	job->fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (job->fd == -1 || fstat(job->fd, &st) == -1)
		return -errno;
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return -EBADMSG;
	if (locked_counts && spool_locked(job->fd))
		return -EAGAIN;
	if (read_all(job, (size_t)st.st_size < most ? (size_t)st.st_size : most))
		return -errno;
	return spool_task_parse(job->bytes, job->len, &job->task);
}

void spool_job_close(struct spool_job *job)
{
	if (job->fd != -1)
		close(job->fd); /* and with it the lock */
	job->fd = -1;
	if (job->room <= ROOM_KEPT)
		return;
	free(job->bytes);
	job->bytes = NULL;
	job->room = 0;
}

void spool_job_destroy(struct spool_job *job)
{
	spool_job_close(job);
	free(job->bytes);
	*job = (struct spool_job){ .fd = -1 };
}

int spool_job_delay(const struct spool_job *job, int64_t due)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = (time_t)due } };
	return futimens(job->fd, times) == -1 ? -errno : 0;
}

static int keep(const struct spool_job *job, const struct spool_dir *dir, const struct spool_decision *decision)
{
	int failed = decision->tries != job->tries ? spool_tries_write(dir, job->path, decision->tries) : 0;
	return failed ? failed : spool_job_delay(job, decision->due);
}

int spool_job_end(struct spool_job *job, const struct spool_dir *dir, const struct spool_decision *decision)
{
	int failed = 0;
	switch (decision->action) {
	case SPOOL_DELETE:
		if (job->spare && dir->spares && spool_spares_put(dir->spares, dir, job->path) == 0)
			break;
		failed = unlinkat(dir->fd, job->path, 0) == -1 && errno != ENOENT ? -errno : 0;
		break;
	case SPOOL_BURY:
		failed = spool_dir_bury(dir, job->path);
		break;
	case SPOOL_KEEP:
		return keep(job, dir, decision);
	}
	if (job->marked || decision->tries)
		spool_tries_forget(dir, job->path);
	return failed;
}
