/* spool_dir.c - see spool_dir.h. */
#include "spool_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_file.h"

/* ---- making and opening ---- */

static int make_one(const char *path, uid_t uid, gid_t gid)
{
	if (mkdir(path, 0750) == -1)
		return errno == EEXIST ? 0 : -errno;
	bool given = uid != (uid_t)-1 || gid != (gid_t)-1;
	return given && chown(path, uid, gid) == -1 ? -errno : 0;
}

int spool_dir_make(const char *path, uid_t uid, gid_t gid)
{
	char state[PATH_MAX];
	if ((size_t)snprintf(state, sizeof state, "%s/" SPOOL_STATE, path) >= sizeof state)
		return -ENAMETOOLONG;
	int failed = make_one(path, uid, gid);
	return failed ? failed : make_one(state, uid, gid);
}

/* What is made below a directory belongs to its owner: an operator who looks after it may be root. */
static int make_below(int at, const char *name)
{
	struct stat st;
	if (mkdirat(at, name, 0750) == -1)
		return errno == EEXIST ? 0 : -errno;
	if (geteuid() != 0)
		return 0;
	bool given = fstat(at, &st) == 0 && fchownat(at, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) == 0;
	return given ? 0 : -errno;
}

int spool_dir_open(struct spool_dir *dir_r, const char *path)
{
	*dir_r = (struct spool_dir){ .path = path, .spares = dir_r->spares, .fd = -1, .state = -1 };
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return -errno;
	int state = openat(fd, SPOOL_STATE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state == -1 && errno == ENOENT && make_below(fd, SPOOL_STATE) == 0)
		state = openat(fd, SPOOL_STATE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state == -1) {
		int failed = -errno;
		close(fd);
		return failed;
	}
	dir_r->fd = fd;
	dir_r->state = state;
	dir_r->uid = geteuid();
	return 0;
}

void spool_dir_close(struct spool_dir *dir)
{
	if (dir->fd == -1)
		return;
	close(dir->fd);
	close(dir->state);
	dir->fd = dir->state = -1;
}

bool spool_dir_is_gone(const struct spool_dir *dir)
{
	struct stat held, there;
	if (stat(dir->path, &there) == -1 || fstat(dir->fd, &held) == -1)
		return true;
	if (there.st_ino != held.st_ino || there.st_dev != held.st_dev)
		return true;
	return fstat(dir->state, &held) == -1 || !held.st_nlink;
}

/* ---- looking ---- */

/* Call `found` for each name in the directory `name` below `at`. */
static int each_name(int at, const char *name, void (*found)(const char *name, void *data), void *data)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd != -1 ? fdopendir(fd) : NULL;
	if (!stream) {
		int failed = -errno;
		if (fd != -1)
			close(fd);
		return failed;
	}
	errno = 0;
	for (const struct dirent *entry; (entry = readdir(stream)); errno = 0)
		found(entry->d_name, data);
	int failed = -errno;
	closedir(stream);
	return failed;
}

struct looking {
	const struct spool_dir *dir;
	const struct spool_scan *scan;
	const char *priority; /* NULL: at the top */
};

static void look_at(const char *name, void *data)
{
	struct looking *looking = data;
	char path[NAME_MAX + 16];
	if (spool_name_is_task(name)) {
		snprintf(path, sizeof path, "%s%s%s", looking->priority ? looking->priority : "",
			 looking->priority ? "/" : "", name);
		looking->scan->task(path, looking->scan->data);
	} else if (!looking->priority && spool_priority_of(name) >= 0) {
		struct looking below = { looking->dir, looking->scan, name };
		if (looking->scan->priority)
			looking->scan->priority(name, looking->scan->data);
		(void)each_name(looking->dir->fd, name, look_at, &below); /* a file of that name is none of ours */
	}
}

int spool_dir_scan(const struct spool_dir *dir, const struct spool_scan *scan)
{
	struct looking looking = { dir, scan, NULL };
	return each_name(dir->fd, ".", look_at, &looking);
}

struct filter {
	const char *prefix;
	void (*found)(const char *name, void *data);
	void *data;
};

static void filtered(const char *name, void *data)
{
	const struct filter *filter = data;
	if (!strncmp(name, filter->prefix, strlen(filter->prefix)))
		filter->found(name, filter->data);
}

int spool_dir_each_state(const struct spool_dir *dir, const char *prefix, void (*found)(const char *name, void *data),
			 void *data)
{
	struct filter filter = { prefix, found, data };
	return each_name(dir->state, ".", filtered, &filter);
}

struct sweep {
	const struct spool_dir *dir;
	int64_t then;
};

static void sweep_one(const char *name, void *data)
{
	const struct sweep *sweep = data;
	struct stat st;
	if (fstatat(sweep->dir->state, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ctim.tv_sec < sweep->then)
		unlinkat(sweep->dir->state, name, 0);
}

void spool_dir_sweep(const struct spool_dir *dir, int64_t then)
{
	struct sweep sweep = { dir, then };
	(void)spool_dir_each_state(dir, SPOOL_NEW, sweep_one, &sweep);
}

int spool_dir_each_dead(const struct spool_dir *dir, void (*found)(const char *name, void *data), void *data)
{
	struct filter filter = { SPOOL_PREFIX, found, data };
	int failed = each_name(dir->fd, SPOOL_DEAD, filtered, &filter);
	return failed == -ENOENT ? 0 : failed;
}

/* ---- the dead ---- */

const char *spool_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

int spool_dir_bury(const struct spool_dir *dir, const char *path)
{
	char to[NAME_MAX + 16];
	snprintf(to, sizeof to, SPOOL_DEAD "/%s", spool_base(path));
	if (renameat(dir->fd, path, dir->fd, to) == 0)
		return 0;
	int failed = errno == ENOENT ? make_below(dir->fd, SPOOL_DEAD) : -errno;
	if (failed)
		return failed;
	return renameat(dir->fd, path, dir->fd, to) == -1 ? -errno : 0;
}

int spool_dir_raise(const struct spool_dir *dir, const char *name, const char *priority)
{
	char from[NAME_MAX + 16], to[NAME_MAX + 16], folder[16];
	snprintf(from, sizeof from, SPOOL_DEAD "/%s", name);
	snprintf(to, sizeof to, "%s%s", priority, name);
	snprintf(folder, sizeof folder, "%s", priority);
	int failed = *folder ? make_below(dir->fd, folder) : 0;
	if (failed)
		return failed;
	/* now, and not when it was due before */
	if (utimensat(dir->fd, from, NULL, AT_SYMLINK_NOFOLLOW) == -1)
		return -errno;
	return renameat(dir->fd, from, dir->fd, to) == -1 ? -errno : 0;
}

/* ---- locks ---- */

int spool_lock(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	return fcntl(fd, F_OFD_SETLK, &lock) == -1 ? -EAGAIN : 0;
}

bool spool_locked(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
