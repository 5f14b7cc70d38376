/* spool_write.c - see spool_write.h. */
#include "spool_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uwsgi/loop.h>

#include "spool_dir.h"
#include "spool_spare.h"
#include "spool_sync.h"

/* Numbers the tasks of this process and its children. */
static atomic_uint count;

/* The process, its count and the time name a task on this host; the number does so where hosts or process ids are
 * not told apart, as in containers. */
static unsigned next_number(pid_t pid, uint64_t now_us)
{
	static __thread uint64_t state;
	static __thread pid_t owner;
	if (owner != pid && getrandom(&state, sizeof state, GRND_NONBLOCK) != sizeof state)
		state = now_us;
	owner = pid;
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(state >> 33);
}

static void make_name(char name_r[SPOOL_NAME_MAX])
{
	char host[256] = "";
	uint64_t now_us = uwsgi_micros();
	pid_t pid = getpid();
	gethostname(host, sizeof host - 1);
	struct spool_name name = { host, pid, atomic_fetch_add(&count, 1) + 1, next_number(pid, now_us), now_us };
	spool_name_make(name_r, &name);
}

static int write_all(int fd, const struct spool_packet *packet, struct uwsgi_str body)
{
	struct iovec parts[2] = { { (void *)packet->bytes, packet->len }, { (void *)body.p, body.n } };
	struct iovec *part = parts;
	while (part < parts + 2) {
		ssize_t n = writev(fd, part, (int)(parts + 2 - part));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -errno;
		for (; part < parts + 2 && (size_t)n >= part->iov_len; part++)
			n -= (ssize_t)part->iov_len;
		if (part < parts + 2) {
			part->iov_base = (char *)part->iov_base + n;
			part->iov_len -= (size_t)n;
		}
	}
	return 0;
}

/* A file that nobody else sees yet. */
struct aside {
	int fd;
	int spare; /* its number; -1: it was made */
	char path[PATH_MAX];
};

/* A spare is locked while it is written: somebody may have it open from when it was another task's. */
static bool open_spare(struct aside *aside, const struct spool_target *target)
{
	char name[64];
	aside->spare = target->spares ? spool_spares_take(target->spares, name) : -1;
	if (aside->spare < 0)
		return false;
	snprintf(aside->path, sizeof aside->path, "%s/" SPOOL_STATE "/%s", target->path, name);
	aside->fd = open(aside->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (aside->fd != -1 && spool_lock(aside->fd) == 0)
		return true;
	if (aside->fd != -1)
		close(aside->fd);
	unlink(aside->path);
	spool_spares_gone(target->spares, aside->spare);
	aside->spare = -1;
	return false;
}

static int open_aside(struct aside *aside, const struct spool_target *target, const char *name)
{
	static const int flags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC;
	if (open_spare(aside, target))
		return 0;
	if ((size_t)snprintf(aside->path, sizeof aside->path, "%s/" SPOOL_STATE "/" SPOOL_NEW "%s", target->path,
			     name) >= sizeof aside->path)
		return -ENAMETOOLONG;
	aside->fd = open(aside->path, flags, 0600);
	if (aside->fd == -1 && errno == ENOENT && spool_dir_make(target->path, (uid_t)-1, (gid_t)-1) == 0)
		aside->fd = open(aside->path, flags, 0600);
	return aside->fd == -1 ? -errno : 0;
}

/* A spare may have been longer; the look is much cheaper than a cut at the end. */
static int cut(int fd, off_t size)
{
	struct stat st;
	bool fits = fstat(fd, &st) == 0 && st.st_size == size;
	return !fits && ftruncate(fd, size) == -1 ? -errno : 0;
}

static int fill(const struct aside *aside, const struct spool_target *target, const struct spool_packet *packet,
		struct uwsgi_str body)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = (time_t)target->at } };
	int failed = write_all(aside->fd, packet, body);
	if (!failed && aside->spare >= 0)
		failed = cut(aside->fd, (off_t)(packet->len + body.n));
	if (!failed && target->at >= 0 && futimens(aside->fd, times) == -1)
		failed = -errno;
	/* the time it is due is no datum */
	if (!failed && target->sync && (target->at >= 0 ? fsync(aside->fd) : fdatasync(aside->fd)) == -1)
		failed = -errno;
	return failed;
}

/* Rename into `folder`, which is made when it is not there. */
static int place(const char *aside, const char *path, const char *folder, bool *made_r)
{
	*made_r = false;
	if (rename(aside, path) == 0)
		return 0;
	if (errno != ENOENT || (mkdir(folder, 0750) == -1 && errno != EEXIST)) /* somebody may be faster */
		return -errno;
	*made_r = true;
	return rename(aside, path) == -1 ? -errno : 0;
}

int spool_write(const struct spool_target *target, const struct spool_packet *packet, struct uwsgi_str body,
		char path_r[PATH_MAX])
{
	char name[SPOOL_NAME_MAX], folder[PATH_MAX];
	struct aside aside = { .fd = -1, .spare = -1 };
	bool made;
	make_name(name);
	int n = target->priority < 0
			? snprintf(folder, sizeof folder, "%s", target->path)
			: snprintf(folder, sizeof folder, "%s/%lld", target->path, (long long)target->priority);
	if ((size_t)n >= sizeof folder || (size_t)snprintf(path_r, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		return -ENAMETOOLONG;

	int failed = open_aside(&aside, target, name);
	if (failed)
		return failed;
	failed = fill(&aside, target, packet, body);
	close(aside.fd);
	if (!failed)
		failed = place(aside.path, path_r, folder, &made);
	if (failed)
		unlink(aside.path);
	if (aside.spare >= 0)
		spool_spares_gone(target->spares, aside.spare);
	if (failed)
		return failed;
	failed = target->sync ? spool_sync_wait(target->sync, target->priority, made) : 0;
	if (failed)
		unlink(path_r);
	return failed;
}
