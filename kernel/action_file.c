/* action_file.c - actions on files and directories, and those that wait for something to be there. */
#include "action_parts.h"

#include "privs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/loop.h>
#include <uwsgi/socket.h>

#define WAIT_MS 60000 /* for a file, a socket, the reader of a FIFO */
#define LOOK_MS 50

int action_chdir(struct call *call)
{
	return action_done(chdir(call->args));
}

/* One that is there already is what was wanted. */
int action_mkdir(struct call *call)
{
	struct stat st;
	int failed = action_done(mkdir(call->args, 0777));
	return failed == -EEXIST && stat(call->args, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : failed;
}

int action_unlink(struct call *call)
{
	return action_done(unlink(call->args));
}

int action_chmod(struct call *call)
{
	char *path = action_word(call), *mode = action_word(call), *end;
	if (!mode)
		return action_misused(call, "chmod:FILE MODE");
	unsigned long bits = strtoul(mode, &end, 8);
	return *end || bits > 07777 ? action_misused(call, "chmod:FILE MODE, octal")
				    : action_done(chmod(path, (mode_t)bits));
}

int action_sticky(struct call *call)
{
	struct stat st;
	if (stat(call->args, &st) == -1)
		return -errno;
	return action_done(chmod(call->args, (st.st_mode & 07777) | S_ISVTX));
}

int action_chown(struct call *call)
{
	char *path = action_word(call), *user = action_word(call), *group = action_word(call);
	uid_t uid;
	gid_t gid;
	if (!user)
		return action_misused(call, "chown:FILE USER GROUP");
	char *colon = strchr(user, ':');
	if (colon) {
		*colon = 0;
		group = colon + 1;
	}
	if (privs_uid(user, &uid) || privs_gid(group, &gid)) {
		snprintf(call->why, ACTION_WHY, "there is no such user or group");
		return -ENOENT;
	}
	return action_done(chown(path, uid, gid));
}

static int write_into(struct call *call, int flags, const char *end)
{
	char *path = action_word(call);
	if (!path)
		return action_misused(call, "ACTION:FILE TEXT");
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0666);
	if (fd == -1)
		return -errno;
	int failed = dprintf(fd, "%s%s", call->args, end) < 0 ? -errno : 0;
	close(fd);
	return failed;
}

int action_create(struct call *call)
{
	int fd = open(call->args, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return fd == -1 ? -errno : action_done(close(fd));
}

int action_write(struct call *call)
{
	return write_into(call, O_CREAT | O_TRUNC, "");
}

int action_writen(struct call *call)
{
	return write_into(call, O_CREAT | O_TRUNC, "\n");
}

int action_append(struct call *call)
{
	return write_into(call, O_CREAT | O_APPEND, "");
}

int action_appendn(struct call *call)
{
	return write_into(call, O_CREAT | O_APPEND, "\n");
}

int action_writefifo(struct call *call)
{
	return write_into(call, O_NONBLOCK, "");
}

/* ---- waiting ---- */

static int wait_until(bool (*there)(const char *what, mode_t type), const char *what, mode_t type)
{
	uint64_t end = uwsgi_now_ms() + WAIT_MS;
	while (!there(what, type)) {
		if (uwsgi_now_ms() >= end)
			return -ETIMEDOUT;
		poll(NULL, 0, LOOK_MS);
	}
	return 0;
}

static bool is_there(const char *path, mode_t type)
{
	struct stat st;
	return stat(path, &st) == 0 && (!type || (st.st_mode & S_IFMT) == type);
}

static bool is_read(const char *fifo, mode_t type)
{
	(void)type;
	int fd = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd != -1)
		close(fd);
	return fd != -1;
}

int action_spinningfifo(struct call *call)
{
	char path[4096];
	snprintf(path, sizeof path, "%.*s", (int)strcspn(call->args, " "), call->args);
	int failed = wait_until(is_read, path, 0);
	return failed ? failed : write_into(call, O_NONBLOCK, "");
}

static bool accepts(const char *address, mode_t type)
{
	(void)type;
	int fd = uwsgi_connect(address, -1);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int action_wait_for_fs(struct call *call)
{
	return wait_until(is_there, call->args, 0);
}

int action_wait_for_file(struct call *call)
{
	return wait_until(is_there, call->args, S_IFREG);
}

int action_wait_for_dir(struct call *call)
{
	return wait_until(is_there, call->args, S_IFDIR);
}

int action_wait_for_socket(struct call *call)
{
	return wait_until(accepts, call->args, 0);
}
