/* log.c - one message, one write(2) to standard error.
 *
 * There is next to no state: whoever redirects descriptor 2 (logto, daemonize, a container) redirects the log.  What is
 * kept is how a message begins, and the name of the file it goes to, for whoever has to open it again.
 *
 * BUGS: a log that is a UDP socket reports to the next writer that nobody listened; for us that is a lost line, for an
 * application that writes to its standard output it is an error. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STAMP_MAX 512

static struct {
	const char *date, *prefix; /* NULL: none */
	const char *file;	   /* absolute; NULL: no file of ours */
	int fd, spare;		   /* see log_guard */
} out = { .fd = STDERR_FILENO, .spare = -1 };

int log_write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

void log_guard(int fd, int spare)
{
	out.fd = fd;
	out.spare = spare;
}

void uwsgi_log_raw(const char *text, size_t len)
{
	int saved = errno;
	if (log_write_all(out.fd, text, len) == -EAGAIN)
		log_write_all(out.spare, text, len);
	errno = saved;
}

void log_stamp(const char *date, const char *prefix)
{
	out.date = date;
	out.prefix = prefix;
}

/* What each message begins with.  Its length, at most STAMP_MAX. */
static size_t stamp(char *line)
{
	size_t len = 0;
	if (out.date) {
		struct tm tm;
		time_t now = time(NULL);
		localtime_r(&now, &tm);
		len = strftime(line, STAMP_MAX / 2, out.date, &tm);
		len += (size_t)sprintf(line + len, " - ");
	}
	if (out.prefix)
		len += (size_t)sprintf(line + len, "%.*s - ", STAMP_MAX / 4, out.prefix);
	return len;
}

void uwsgi_log(const char *fmt, ...)
{
	char line[LOG_LINE_MAX + 1];
	va_list args;
	size_t len = stamp(line), room = LOG_LINE_MAX - len;
	va_start(args, fmt);
	int n = vsnprintf(line + len, room, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	len += (size_t)n >= room ? room - 1 : (size_t)n;
	if (!len || line[len - 1] != '\n')
		line[len++] = '\n';
	uwsgi_log_raw(line, len);
}

/* Make `fd` standard output and error, and close it.  0 or -errno. */
static int use(int fd)
{
	int failed = dup2(fd, STDOUT_FILENO) == -1 || dup2(fd, STDERR_FILENO) == -1 ? -errno : 0;
	close(fd);
	return failed;
}

int log_to_file(const char *path, bool truncate)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (truncate ? O_TRUNC : 0), 0640);
	if (fd == -1)
		return -errno;
	out.file = realpath(path, NULL); /* the directory may change */
	return use(fd);
}

bool log_is_udp(const char *target)
{
	const char *colon = strrchr(target, ':');
	return colon && colon != target && !strchr(target, '/') && colon[1] &&
	       strspn(colon + 1, "0123456789") == strlen(colon + 1);
}

int log_to_socket(int fd)
{
	out.file = NULL;
	return use(fd);
}

void log_set_file(const char *path)
{
	out.file = path;
}

const char *uwsgi_log_file(void)
{
	return out.file;
}
