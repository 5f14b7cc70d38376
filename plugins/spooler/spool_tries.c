/* spool_tries.c - see spool_tries.h.  The file holds the number and the path of its task: "3 7/uwsgi_spoolfile_...". */
#include "spool_tries.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_hash.h"

#define LINE_MAX_LEN (NAME_MAX + 32)

static void name_of(char name_r[NAME_MAX + 16], const char *path)
{
	const char *base = spool_base(path);
	if (strlen(base) <= NAME_MAX - (sizeof SPOOL_TRIES - 1))
		snprintf(name_r, NAME_MAX + 16, SPOOL_TRIES "%s", base);
	else /* no file can have that name */
		snprintf(name_r, NAME_MAX + 16, SPOOL_TRIES "%016llx", (unsigned long long)spool_hash(base));
}

/* The number, and the path of the task when it is wanted; 0 when there is no such file. */
static unsigned read_name(const struct spool_dir *dir, const char *name, char path_r[LINE_MAX_LEN])
{
	char line[LINE_MAX_LEN];
	unsigned tries = 0;
	int at = 0, fd = openat(dir->state, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return 0;
	ssize_t n = read(fd, line, sizeof line - 1);
	close(fd);
	line[n > 0 ? n : 0] = 0;
	if (sscanf(line, "%u %n", &tries, &at) != 1)
		return 0;
	if (path_r)
		snprintf(path_r, LINE_MAX_LEN, "%s", line + at);
	return tries;
}

unsigned spool_tries_read(const struct spool_dir *dir, const char *path)
{
	char name[NAME_MAX + 16];
	name_of(name, path);
	return read_name(dir, name, NULL);
}

int spool_tries_write(const struct spool_dir *dir, const char *path, unsigned tries)
{
	char name[NAME_MAX + 16], line[LINE_MAX_LEN];
	name_of(name, path);
	size_t n = (size_t)snprintf(line, sizeof line, "%10u %s", tries, path);
	int fd = openat(dir->state, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return -errno;
	int failed = pwrite(fd, line, n, 0) == (ssize_t)n ? 0 : -EIO;
	close(fd);
	return failed;
}

void spool_tries_forget(const struct spool_dir *dir, const char *path)
{
	char name[NAME_MAX + 16];
	name_of(name, path);
	unlinkat(dir->state, name, 0);
}

struct sweep {
	const struct spool_dir *dir;
	int64_t then;
};

static void sweep_one(const char *name, void *data)
{
	const struct sweep *sweep = data;
	char path[LINE_MAX_LEN];
	struct stat st;
	bool gone;
	if (read_name(sweep->dir, name, path))
		gone = fstatat(sweep->dir->fd, path, &st, AT_SYMLINK_NOFOLLOW) == -1 && errno == ENOENT;
	else
		gone = fstatat(sweep->dir->state, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		       st.st_ctim.tv_sec < sweep->then;
	if (gone)
		unlinkat(sweep->dir->state, name, 0);
}

void spool_tries_sweep(const struct spool_dir *dir, int64_t then)
{
	struct sweep sweep = { dir, then };
	(void)spool_dir_each_state(dir, SPOOL_TRIES, sweep_one, &sweep);
}
