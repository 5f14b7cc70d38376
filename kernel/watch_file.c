/* watch_file.c - see watch_file.h. */
#include "watch_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define EVENTS (IN_ATTRIB | IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM)

/* What tells a file from how it was before. */
struct mark {
	bool there;
	dev_t dev;
	ino_t ino;
	struct timespec modified;
};

struct file {
	const char *path;
	int directory; /* the watch on it, when it is one; else -1 */
	void (*fn)(const char *path, void *data);
	void *data;
	struct mark mark;
};

struct watch_files {
	struct uwsgi_watch watch; /* first: the watch is all of it */
	struct uwsgi_loop *loop;
	struct file *files;
	size_t count;
};

static struct mark mark_of(const char *path)
{
	struct stat st;
	if (stat(path, &st) == -1)
		return (struct mark){ 0 };
	return (struct mark){ true, st.st_dev, st.st_ino, st.st_mtim };
}

static bool is_touched(const struct mark *before, const struct mark *now)
{
	if (!now->there)
		return false;
	return !before->there || before->dev != now->dev || before->ino != now->ino ||
	       before->modified.tv_sec != now->modified.tv_sec || before->modified.tv_nsec != now->modified.tv_nsec;
}

static void look(struct file *f)
{
	struct mark now = mark_of(f->path);
	bool touched = is_touched(&f->mark, &now);
	f->mark = now;
	if (touched)
		f->fn(f->path, f->data);
}

/* Watch the directory of a file, and on the way to it each directory with a link in it that may be pointed elsewhere,
 * or with a part of the path that is missing as yet.  Returns 0 when at least one directory could be watched, or
 * -errno. */
static int arm(const struct watch_files *w, const char *path)
{
	char part[PATH_MAX], directory[PATH_MAX] = ".";
	int result = -ENOENT;
	if (strlen(path) >= sizeof part)
		return -ENAMETOOLONG;
	for (const char *at = path + strspn(path, "/");; at += strspn(at, "/")) {
		struct stat st;
		at += strcspn(at, "/");
		snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
		char *slash = strrchr(part, '/');
		if (slash)
			snprintf(directory, sizeof directory, "%.*s", slash == part ? 1 : (int)(slash - part), part);
		bool missing = lstat(part, &st) == -1;
		if (!*at || missing || S_ISLNK(st.st_mode)) {
			if (inotify_add_watch(w->watch.fd, directory, EVENTS) != -1)
				result = 0;
			else if (result)
				result = -errno;
		}
		if (!*at || missing)
			return result;
	}
}

/* The watch on a path that is a directory, else -1. */
static int watch_inside(const struct watch_files *w, const char *path)
{
	return inotify_add_watch(w->watch.fd, path, EVENTS | IN_ONLYDIR);
}

static bool is_in(const char *events, ssize_t size, int directory)
{
	for (const char *at = events; directory != -1 && at < events + size;) {
		const struct inotify_event *event = (const struct inotify_event *)at;
		if (event->wd == directory && !(event->mask & IN_IGNORED))
			return true;
		at += sizeof *event + event->len;
	}
	return false;
}

static void look_into(struct file *f, const char *events, ssize_t size)
{
	if (is_in(events, size, f->directory))
		f->fn(f->path, f->data);
}

static void on_event(struct uwsgi_watch *watch, unsigned events)
{
	struct watch_files *w = (struct watch_files *)watch;
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	(void)events;
	for (ssize_t n; (n = read(watch->fd, buf, sizeof buf)) > 0;)
		for (size_t i = 0; i < w->count; i++)
			look_into(&w->files[i], buf, n);
	for (size_t i = 0; i < w->count; i++) {
		struct file *f = &w->files[i];
		arm(w, f->path);
		f->directory = watch_inside(w, f->path);
		if (f->directory == -1)
			look(f);
	}
}

void watch_files_destroy(struct watch_files **w)
{
	if (!*w)
		return;
	uwsgi_loop_remove((*w)->loop, &(*w)->watch);
	close((*w)->watch.fd);
	free((*w)->files);
	free(*w);
	*w = NULL;
}

struct watch_files *watch_files_create(struct uwsgi_loop *loop)
{
	struct watch_files *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->loop = loop;
	w->watch = (struct uwsgi_watch){ .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .fn = on_event };
	if (w->watch.fd != -1 && uwsgi_loop_add(loop, &w->watch, UWSGI_READ) == 0)
		return w;
	free(w);
	return NULL;
}

int watch_files_fd(const struct watch_files *w)
{
	return w->watch.fd;
}

int watch_file(struct watch_files *w, const char *path, void (*fn)(const char *path, void *data), void *data)
{
	struct file *files = reallocarray(w->files, w->count + 1, sizeof *files);
	if (!files)
		return -ENOMEM;
	w->files = files;
	int failed = arm(w, path);
	if (failed) {
		uwsgi_log("uwsgi: cannot watch %s: %s: touching it will have no effect\n", path, strerror(-failed));
		return failed;
	}
	struct mark mark = mark_of(path);
	if (!mark.there)
		uwsgi_log("unable to stat() %s, events will be triggered as soon as the file is created\n", path);
	files[w->count++] = (struct file){ path, watch_inside(w, path), fn, data, mark };
	return 0;
}

void watch_file_no_more(struct watch_files *w, const void *data)
{
	size_t kept = 0;
	for (size_t i = 0; i < w->count; i++)
		if (w->files[i].data != data)
			w->files[kept++] = w->files[i];
	w->count = kept;
}
