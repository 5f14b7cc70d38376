/* A socket is bound where nobody else listens, and its file gets the mode and the owner that were asked for. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../double/folder.h"
#include "address.h"
#include "bind.h"
#include "settings.h"

static struct settings settings;
static char dir[] = "/tmp/test_bind_XXXXXX", path[64];

static void begin(void)
{
	settings = (struct settings){ .listen = 4 };
	folder_make(dir);
	snprintf(path, sizeof path, "%s/s", dir);
}

static void end(void)
{
	folder_remove(dir);
}

TestSuite(bind, .init = begin, .fini = end, .timeout = 20);

static struct socket_file file;
static unsigned wanted;

static int bound(void)
{
	struct address a;
	cr_assert_null(address_parse(path, false, &a));
	return bind_address(&settings, &a, wanted, &file);
}

/* A listening, or only bound, socket of somebody else. */
static int foreign(const char *where, int type, bool listens)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	strcpy(a.sun_path, where);
	int fd = socket(AF_UNIX, type, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	if (listens)
		cr_assert_eq(listen(fd, 0), 0);
	return fd;
}

static unsigned mode_with(const char *chmod_socket)
{
	struct stat st;
	settings.chmod_socket = chmod_socket;
	umask(027);
	unlink(path);
	cr_assert_geq(bound(), 0);
	cr_assert_eq(stat(path, &st), 0);
	return st.st_mode & 07777;
}

Test(bind, gives_a_socket_file_its_mode)
{
	cr_expect_eq(mode_with(NULL), 0660);
	cr_expect_eq(mode_with(""), 0666);
	cr_expect_eq(mode_with("600"), 0600);
	cr_expect_eq(mode_with("0664"), 0664);
	wanted = 0600;
	cr_expect_eq(mode_with("0664"), 0600, "its own comes first");
	wanted = 0;
	settings.compat_2_0 = true;
	cr_expect_eq(mode_with(NULL), 0777 & ~027, "as the umask says");
}

Test(bind, tells_which_file_it_made)
{
	struct stat st;
	cr_assert_geq(bound(), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect(st.st_dev == file.dev && st.st_ino == file.ino);
}

Test(bind, gives_a_socket_file_its_owner)
{
	static const struct {
		const char *owner;
		uid_t uid;
		gid_t gid;
	} rows[] = { { "12345", 12345, 0 }, { "12345:23456", 12345, 23456 }, { ":23456", 0, 23456 }, { "root", 0, 0 } };
	struct stat st;
	for (size_t i = 0; i < sizeof rows / sizeof *rows && getuid() == 0; i++) {
		unlink(path);
		settings.chown_socket = rows[i].owner;
		cr_expect_geq(bound(), 0);
		cr_expect_eq(stat(path, &st), 0);
		cr_expect(st.st_uid == rows[i].uid && st.st_gid == rows[i].gid, "%s: %u:%u", rows[i].owner, st.st_uid,
			  st.st_gid);
	}
	unlink(path);
	settings.chown_socket = "no-such-name";
	cr_expect_eq(bound(), -ESRCH);
}

Test(bind, leaves_no_file_of_a_socket_that_nobody_gets)
{
	settings.chown_socket = "no-such-name";
	cr_assert_eq(bound(), -ESRCH);
	cr_assert_eq(access(path, F_OK), -1);
}

Test(bind, takes_the_place_of_a_stale_socket)
{
	close(foreign(path, SOCK_STREAM, true));
	cr_assert_geq(bound(), 0);
}

Test(bind, leaves_a_living_socket_alone)
{
	int fd = foreign(path, SOCK_STREAM, true);
	cr_assert_eq(bound(), -EADDRINUSE);
	cr_assert_eq(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 10000), 1, "it was looked whether somebody is there");
	cr_assert_geq(accept(fd, NULL, NULL), 0);
	cr_assert_eq(access(path, F_OK), 0);
}

Test(bind, leaves_a_living_socket_alone_that_is_too_busy_to_answer)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	strcpy(a.sun_path, path);
	foreign(path, SOCK_STREAM, true);
	int fd;
	do
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	while (connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
	cr_assert_eq(errno, EAGAIN);
	cr_assert_eq(bound(), -EADDRINUSE);
	cr_assert_eq(access(path, F_OK), 0);
}

Test(bind, leaves_a_socket_of_another_type_alone)
{
	foreign(path, SOCK_DGRAM, false);
	cr_assert_eq(bound(), -EADDRINUSE);
	cr_assert_eq(access(path, F_OK), 0);
}

Test(bind, leaves_a_file_alone_that_is_no_socket)
{
	close(open(path, O_CREAT | O_WRONLY, 0600));
	cr_assert_eq(bound(), -EEXIST);
	cr_assert_eq(access(path, F_OK), 0);
}
