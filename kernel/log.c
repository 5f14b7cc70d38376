/* log.c - one message, one write(2) to standard error.
 *
 * There is no state: whoever redirects descriptor 2 (logto, daemonize, a container) redirects the log. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

void uwsgi_log_raw(const char *text, size_t len)
{
	int saved = errno;
	log_write_all(STDERR_FILENO, text, len);
	errno = saved;
}

void uwsgi_log(const char *fmt, ...)
{
	char line[LOG_LINE_MAX + 1];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(line, LOG_LINE_MAX, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	size_t len = n >= LOG_LINE_MAX ? LOG_LINE_MAX - 1 : (size_t)n;
	if (!len || line[len - 1] != '\n')
		line[len++] = '\n';
	uwsgi_log_raw(line, len);
}

int log_to_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd == -1)
		return -errno;
	int failed = dup2(fd, STDOUT_FILENO) == -1 || dup2(fd, STDERR_FILENO) == -1 ? -errno : 0;
	close(fd);
	return failed;
}
