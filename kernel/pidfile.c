/* pidfile.c - see pidfile.h.  A file is written aside and renamed, so that nobody reads half a number. */
#include "pidfile.h"

#include "log.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/log.h>

static pid_t public_pid; /* 0: this process's */

void pidfile_speak_for(pid_t pid)
{
	public_pid = pid;
}

static int our_pid(void)
{
	return (int)(public_pid ? public_pid : getpid());
}

static int write_file(const char *path)
{
	char text[32], aside[PATH_MAX];
	int n = snprintf(text, sizeof text, "%d\n", our_pid());
	if (snprintf(aside, sizeof aside, "%s.%d", path, (int)getpid()) >= (int)sizeof aside)
		return -ENAMETOOLONG;
	/* a directory that is not ours to write in: the file itself may be */
	int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool direct = fd == -1 && (errno == EACCES || errno == EPERM);
	if (direct)
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd == -1)
		return -errno;
	if (!direct)
		fchmod(fd, 0644); /* it is there for others to read, whatever the umask */
	int failed = log_write_all(fd, text, (size_t)n);
	close(fd);
	if (!failed && !direct && rename(aside, path) == -1)
		failed = -errno;
	if (failed && !direct)
		unlink(aside);
	return failed;
}

int pidfile_write(const char *path)
{
	int failed = write_file(path);
	if (failed)
		uwsgi_cause("cannot write the pidfile %s: %s", path, strerror(-failed));
	return failed;
}

/* The server runs already: it is news, and no cause of anything. */
static void write_again(const char *path)
{
	int failed = write_file(path);
	if (failed)
		uwsgi_log("uwsgi: cannot write the pidfile %s: %s; the server goes on with the one that is there\n",
			  path, strerror(-failed));
}

enum { AT_START, WHEN_SAFE };

struct pidfile {
	const char *path;
	int when;
};

#define ALL(S)                                                                                                         \
	{                                                                                                              \
		{ (S)->pidfile, AT_START }, { (S)->pidfile2, AT_START }, { (S)->safe_pidfile, WHEN_SAFE },             \
		{                                                                                                      \
			(S)->safe_pidfile2, WHEN_SAFE                                                                  \
		}                                                                                                      \
	}

void pidfile_write_all(const struct settings *s)
{
	const struct pidfile all[] = ALL(s);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].path)
			write_again(all[i].path);
}

void pidfile_write_safe(const struct settings *s)
{
	const struct pidfile all[] = ALL(s);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].path && all[i].when == WHEN_SAFE)
			write_again(all[i].path);
}

static bool is_ours(const char *path)
{
	int pid = 0;
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	int fields = fscanf(file, "%d", &pid);
	fclose(file);
	return fields == 1 && pid == our_pid();
}

void pidfile_vacuum(const struct settings *s)
{
	const struct pidfile all[] = ALL(s);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].path && is_ours(all[i].path)) {
			if (unlink(all[i].path) == 0)
				uwsgi_log("VACUUM: pidfile removed.\n");
			else
				uwsgi_log("VACUUM: cannot remove the pidfile %s: %s\n", all[i].path, strerror(errno));
		}
}
