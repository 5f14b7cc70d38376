/* sink_file.c - lines in a file, which can be moved away: by its size, on order, or by somebody else.
 *
 * The descriptor is opened by [main], perhaps as root; the writer opens the file by name again when it was moved, and
 * goes on with the descriptor it has when it may not: no line is lost for want of a right. */
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Open it by name in place of what there is.  0, or a negative errno: everything is as it was. */
static int file_open(struct sink *sink)
{
	int fd = open(sink->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd == -1)
		return -errno;
	if (sink->fd != -1)
		close(sink->fd);
	sink->fd = fd;
	return 0;
}

static int take_pair(struct sink *sink, const char *key, const char *value)
{
	if (!strcmp(key, "logfile") || !strcmp(key, "path"))
		sink->path = strdup(value);
	else if (!strcmp(key, "maxsize"))
		sink->max_bytes = atoll(value);
	else if (!strcmp(key, "backupname"))
		sink->backup = strdup(value);
	else if (!strcmp(key, "touch-reopen") || !strcmp(key, "touch_reopen"))
		sink->touch = strdup(value);
	else {
		uwsgi_cause("logger %s: there is no key %s, only path, maxsize, backupname and touch-reopen",
			    sink->name, key);
		return -EINVAL;
	}
	return 0;
}

static int configure(struct sink *sink, char *args)
{
	int failed = 0;
	if (strchr(args, '='))
		failed = sink_each_pair(args, take_pair, sink);
	else
		sink->path = args;
	if (failed)
		return failed;
	if (!sink->path || !*sink->path) {
		uwsgi_cause("logger %s: the path of a file is missing", sink->name);
		return -EINVAL;
	}
	if (sink->touch)
		sink->touched = sink_mtime(sink->touch);
	failed = file_open(sink);
	if (failed)
		uwsgi_cause("cannot open the log %s: %s", sink->path, strerror(-failed));
	return failed;
}

static ssize_t file_write(struct sink *sink, const char *text, size_t len)
{
	ssize_t n;
	do
		n = write(sink->fd, text, len);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -errno : n;
}

static bool was_moved(const struct sink *sink)
{
	struct stat here, there;
	return fstat(sink->fd, &here) == -1 || stat(sink->path, &there) == -1 || here.st_ino != there.st_ino ||
	       here.st_dev != there.st_dev;
}

static void reopen(struct sink *sink)
{
	int failed = was_moved(sink) ? file_open(sink) : 0;
	if (failed)
		uwsgi_log("uwsgi: cannot open the log %s again: %s; it goes on where it was\n", sink->path,
			  strerror(-failed));
}

/* A name nobody has. */
static void backup_name(const struct sink *sink, char *name, size_t size)
{
	struct stat st;
	if (sink->backup) {
		snprintf(name, size, "%s", sink->backup);
		return;
	}
	int n = snprintf(name, size, "%s.%lld", sink->path, (long long)time(NULL));
	for (int i = 1; lstat(name, &st) == 0 && n > 0 && (size_t)n < size; i++)
		snprintf(name + n, size - (size_t)n, ".%d", i);
}

static void rotate(struct sink *sink)
{
	char name[4096] = "";
	bool tried = sink->rotate_again_ms;
	int failed = 0;
	if (!was_moved(sink)) {
		backup_name(sink, name, sizeof name);
		failed = rename(sink->path, name) == -1 ? -errno : 0;
	}
	if (!failed)
		failed = file_open(sink);
	sink->rotate_again_ms = failed ? uwsgi_now_ms() + SINK_RETRY_MS : 0;
	if (failed && !tried)
		uwsgi_log("uwsgi: cannot rotate the log %s%s%s: %s; it goes on where it was, and is tried again each "
			  "second\n",
			  sink->path, *name ? " to " : "", name, strerror(-failed));
}

static void told(struct sink *sink, enum uwsgi_log_kind what)
{
	if (what == UWSGI_LOG_ROTATE)
		rotate(sink);
	else
		reopen(sink);
}

static void tick(struct sink *sink)
{
	struct stat st;
	int64_t touched = sink->touch ? sink_mtime(sink->touch) : 0;
	if (touched != sink->touched)
		reopen(sink);
	sink->touched = touched;
	if (sink->max_bytes && uwsgi_now_ms() >= sink->rotate_again_ms && fstat(sink->fd, &st) == 0 &&
	    st.st_size > sink->max_bytes)
		rotate(sink);
}

const struct sink_type sink_file = {
	.configure = configure,
	.open = file_open,
	.write = file_write,
	.told = told,
	.tick = tick,
	.lines = true,
};
