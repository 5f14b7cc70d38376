/* The log: a line is one write, ends once, and nothing is lost on the way to the descriptor. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static int reader;

/* Standard error becomes a packet pipe: every read gives exactly one write. */
static void catch_stderr(void)
{
	int fds[2];
	cr_assert_eq(pipe2(fds, O_DIRECT | O_NONBLOCK), 0);
	cr_assert_neq(dup2(fds[1], STDERR_FILENO), -1);
	close(fds[1]);
	reader = fds[0];
}

static ssize_t next(char *line, size_t size)
{
	ssize_t n = read(reader, line, size - 1);
	line[n > 0 ? n : 0] = 0;
	return n;
}

TestSuite(log, .init = catch_stderr);

Test(log, writes_a_message_as_one_line)
{
	char line[128];
	uwsgi_log("worker %d is %s\n", 3, "ready");
	next(line, sizeof line);
	cr_assert_str_eq(line, "worker 3 is ready\n");
	cr_assert_eq(next(line, sizeof line), -1);
}

Test(log, adds_the_newline_that_is_missing)
{
	char line[128];
	uwsgi_log("no end");
	next(line, sizeof line);
	cr_assert_str_eq(line, "no end\n");
	uwsgi_log("%s", "");
	next(line, sizeof line);
	cr_assert_str_eq(line, "\n");
}

Test(log, keeps_errno)
{
	errno = EXDEV;
	uwsgi_log("something\n");
	cr_assert_eq(errno, EXDEV);
}

Test(log, writes_raw_bytes_as_they_are)
{
	char line[128];
	uwsgi_log_raw("a\0b", 3);
	cr_assert_eq(next(line, sizeof line), 3);
	cr_assert(!memcmp(line, "a\0b", 3));
}

Test(log, cuts_what_is_longer_than_a_line_may_be)
{
	char path[] = "/tmp/test_log_XXXXXX", *text = malloc(LOG_LINE_MAX * 2);
	int fd = mkstemp(path);
	struct stat st;
	char last;
	memset(text, 'x', LOG_LINE_MAX * 2 - 1);
	text[LOG_LINE_MAX * 2 - 1] = 0;
	dup2(fd, STDERR_FILENO);
	uwsgi_log("%s", text);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_eq(st.st_size, LOG_LINE_MAX);
	cr_assert_eq(pread(fd, &last, 1, st.st_size - 1), 1);
	cr_assert_eq(last, '\n');
	unlink(path);
	free(text);
}

Test(log, goes_to_a_file_that_is_appended_to_and_not_for_others)
{
	char dir[] = "/tmp/test_log_XXXXXX", path[64], text[64] = { 0 };
	struct stat st;
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/app.log", dir);
	umask(0);
	cr_assert_eq(log_to_file(path, false), 0);
	uwsgi_log("one\n");
	cr_assert_eq(log_to_file(path, false), 0);
	uwsgi_log("two\n");
	int fd = open(path, O_RDONLY);
	cr_assert_gt(read(fd, text, sizeof text - 1), 0);
	cr_assert_str_eq(text, "one\ntwo\n");
	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0640);
	unlink(path);
	rmdir(dir);
}

Test(log, begins_with_an_empty_file_when_asked)
{
	char path[] = "/tmp/test_log_XXXXXX", text[64] = { 0 }, resolved[PATH_MAX];
	int fd = mkstemp(path);
	cr_assert_eq(write(fd, "old\n", 4), 4);
	cr_assert_eq(log_to_file(path, true), 0);
	uwsgi_log("new\n");
	cr_assert_gt(pread(fd, text, sizeof text - 1, 0), 0);
	cr_assert_str_eq(text, "new\n");
	cr_assert_str_eq(uwsgi_log_file(), realpath(path, resolved));
	unlink(path);
}

Test(log, begins_its_lines_as_it_was_told)
{
	char line[128];
	log_stamp("%Y", NULL);
	uwsgi_log("one\n");
	next(line, sizeof line);
	cr_assert(strspn(line, "0123456789") == 4 && !strcmp(line + 4, " - one\n"), "%s", line);
	log_stamp(NULL, "here");
	uwsgi_log("two");
	next(line, sizeof line);
	cr_assert_str_eq(line, "here - two\n");
	log_stamp("", "here");
	uwsgi_log("%s", "");
	next(line, sizeof line);
	cr_assert_str_eq(line, " - here - \n");
}

Test(log, tells_an_address_from_a_file)
{
	static const char *const udp[] = { "127.0.0.1:514", "log.example:9", "[::1]:514" };
	static const char *const files[] = { "app.log", "/var/log/a:514", "a:b", ":514", "a:", "./a:1" };
	for (size_t i = 0; i < sizeof udp / sizeof *udp; i++)
		cr_expect(log_is_udp(udp[i]), "%s", udp[i]);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		cr_expect(!log_is_udp(files[i]), "%s", files[i]);
}

Test(log, goes_elsewhere_when_it_must_not_wait)
{
	char line[128], big[PIPE_BUF];
	int fds[2], flags = O_DIRECT | O_NONBLOCK;
	cr_assert_eq(pipe2(fds, flags), 0);
	log_guard(fds[1], STDERR_FILENO);
	memset(big, 'x', sizeof big);
	while (write(fds[1], big, sizeof big) > 0)
		;
	uwsgi_log("the pipe is full\n");
	next(line, sizeof line);
	cr_assert_str_eq(line, "the pipe is full\n");
}

Test(log, says_why_a_file_cannot_be_written)
{
	cr_assert_eq(log_to_file("/nonexistent/app.log", false), -ENOENT);
}

Test(log, reports_a_descriptor_that_takes_nothing)
{
	int fd = open("/dev/full", O_WRONLY);
	cr_assert_eq(log_write_all(fd, "x", 1), -ENOSPC);
	cr_assert_eq(log_write_all(-1, "x", 1), -EBADF);
	cr_assert_eq(log_write_all(-1, "", 0), 0);
}
