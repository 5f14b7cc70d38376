/* sink.c - see sink.h. */
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name;
	const struct sink_type *type;
} types[] = {
	{ "file", &sink_file }, { "logfile", &sink_file },  { "fd", &sink_fd },		{ "stdio", &sink_stdio },
	{ "pipe", &sink_pipe }, { "socket", &sink_socket }, { "syslog", &sink_syslog }, { "rsyslog", &sink_rsyslog },
};

static struct sink *make(const struct sink_type *type, const char *name)
{
	struct sink *sink = calloc(1, sizeof *sink);
	if (!sink)
		return NULL;
	sink->type = type;
	sink->name = name;
	sink->fd = -1;
	return sink;
}

struct sink *sink_create(const char *spec)
{
	size_t n = strcspn(spec, ":");
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (strlen(types[i].name) != n || memcmp(types[i].name, spec, n))
			continue;
		struct sink *sink = make(types[i].type, strdup(spec));
		char *args = strdup(spec[n] ? spec + n + 1 : "");
		if (!sink || !sink->name || !args || sink->type->configure(sink, args) < 0) {
			uwsgi_cause("cannot set up the logger %s", spec);
			return NULL;
		}
		return sink;
	}
	uwsgi_cause("unable to find logger %.*s", (int)n, spec);
	return NULL;
}

struct sink *sink_default(const char *path, int64_t max_bytes, const char *backup)
{
	struct sink *sink = make(path ? &sink_file : &sink_fd, path ? path : "standard error");
	if (!sink)
		return NULL;
	sink->path = path ? strdup(path) : NULL;
	sink->backup = backup ? strdup(backup) : NULL;
	sink->max_bytes = max_bytes;
	sink->fd = path ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : STDERR_FILENO;
	return sink;
}

static uint64_t count_lines(const char *text, size_t len)
{
	uint64_t lines = 0;
	for (const char *end; (end = memchr(text, '\n', len)); lines++) {
		len -= (size_t)(end + 1 - text);
		text = end + 1;
	}
	return lines + (len > 0);
}

/* It takes nothing now: count the loss, and say so the first time. */
static void lose(struct sink *sink, size_t done, int error)
{
	if (!sink->lost)
		uwsgi_log("uwsgi: cannot write the log %s: %s; its lines are lost until that is mended, it is tried "
			  "again each second\n",
			  sink->name, strerror(-error));
	sink->lost += count_lines(sink->buffer + done, sink->len - done);
	sink->len = 0;
	sink->retry_ms = uwsgi_now_ms() + SINK_RETRY_MS;
}

static void recover(struct sink *sink)
{
	if (sink->lost)
		uwsgi_log("uwsgi: the log %s is written again; %llu lines were lost\n", sink->name,
			  (unsigned long long)sink->lost);
	sink->lost = 0;
}

void sink_flush(struct sink *sink)
{
	size_t done = 0;
	int failed = 0;
	if (!sink->len)
		return;
	if (sink->lost && uwsgi_now_ms() < sink->retry_ms) {
		sink->lost += count_lines(sink->buffer, sink->len);
		sink->len = 0;
		return;
	}
	if (sink->fd == -1 && sink->type->open)
		failed = sink->type->open(sink);
	if (!failed && sink->torn && sink->type->write(sink, "\n", 1) == 1)
		sink->torn = false;
	while (!failed && done < sink->len) {
		ssize_t n = sink->type->write(sink, sink->buffer + done, sink->len - done);
		if (n < 0)
			failed = (int)n;
		else
			done += (size_t)n;
	}
	if (done)
		sink->torn = sink->type->lines && sink->buffer[done - 1] != '\n';
	if (failed) {
		lose(sink, done, failed);
		return;
	}
	recover(sink);
	sink->len = 0;
}

void sink_put(struct sink *sink, const char *text, size_t len)
{
	if (len > SINK_BUFFER - 1)
		len = SINK_BUFFER - 1;
	if (sink->len + len + 1 > SINK_BUFFER)
		sink_flush(sink);
	memcpy(sink->buffer + sink->len, text, len);
	sink->len += len;
	if (sink->type->lines) {
		if (!len || text[len - 1] != '\n')
			sink->buffer[sink->len++] = '\n';
	} else {
		sink_flush(sink); /* each is a message */
	}
}

int64_t sink_mtime(const char *path)
{
	struct stat st;
	if (stat(path, &st) == -1)
		return 0;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

int sink_each_pair(char *args, int (*take)(struct sink *sink, const char *key, const char *value), struct sink *sink)
{
	char *rest;
	for (char *pair = strtok_r(args, ",", &rest); pair; pair = strtok_r(NULL, ",", &rest)) {
		char *value = strchr(pair, '=');
		if (value)
			*value++ = 0;
		int failed = take(sink, pair, value ? value : "");
		if (failed)
			return failed;
	}
	return 0;
}
