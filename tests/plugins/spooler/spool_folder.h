/* spool_folder.h - a directory of a spooler for a test, removed after it, and tasks in it. */
#ifndef SPOOL_FOLDER_H
#define SPOOL_FOLDER_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_dir.h"
#include "spool_file.h"

#define A SPOOL_PREFIX "a"
#define B SPOOL_PREFIX "b"

static char folder[] = "/tmp/spool_XXXXXX";
static struct spool_dir dir;

static inline void folder_make(void)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(spool_dir_make(folder, (uid_t)-1, (gid_t)-1), 0);
	dir = (struct spool_dir){ .fd = -1 };
	cr_assert_eq(spool_dir_open(&dir, folder), 0);
	cr_assert_eq(fchdir(dir.fd), 0);
}

static inline void folder_remove(void)
{
	char command[64];
	spool_dir_close(&dir);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

static inline void write_file(const char *path, const void *bytes, size_t n)
{
	int fd = openat(dir.fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	cr_assert_neq(fd, -1, "%s", path);
	cr_assert_eq(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

static inline size_t make_packet(struct spool_packet *packet, const char *key, const char *value)
{
	spool_packet_begin(packet);
	cr_assert_eq(spool_packet_add(packet, (struct uwsgi_str){ key, strlen(key) },
				      (struct uwsgi_str){ value, strlen(value) }),
		     0);
	return packet->len;
}

static inline void write_task(const char *path)
{
	static struct spool_packet packet;
	size_t n = make_packet(&packet, "id", path);
	write_file(path, packet.bytes, n);
}

static inline bool is_there(const char *path)
{
	return faccessat(dir.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

#endif
