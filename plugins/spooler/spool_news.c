/* spool_news.c - see spool_news.h. */
#include "spool_news.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "spool_file.h"

#define EVENTS 16384 /* bytes of names taken at once */

int spool_news_open(struct spool_news *news_r, struct spool_dir *dir, struct spool_queue *queue)
{
	*news_r = (struct spool_news){ .dir = dir, .queue = queue };
	news_r->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return news_r->fd == -1 ? -errno : 0;
}

void spool_news_close(struct spool_news *news)
{
	if (news->fd != -1)
		close(news->fd);
	free(news->dirs);
	*news = (struct spool_news){ .dir = news->dir, .queue = news->queue, .fd = -1 };
}

static void found(const char *path, void *data)
{
	struct spool_news *news = data;
	if (spool_queue_add(news->queue, path) < 0)
		news->out_of_memory = true;
}

/* ---- names that are told ---- */

static bool make_room(struct spool_news *news)
{
	if (news->count < news->room)
		return true;
	size_t room = news->room ? 2 * news->room : 8;
	struct spool_news_dir *dirs = reallocarray(news->dirs, room, sizeof *dirs);
	if (!dirs)
		return false;
	news->dirs = dirs;
	news->room = room;
	return true;
}

/* What cannot be watched is found by looks. */
static void watch(struct spool_news *news, const char *priority)
{
	char path[PATH_MAX];
	if (news->fd == -1 || !make_room(news))
		return;
	if ((size_t)snprintf(path, sizeof path, "%s/%s", news->dir->path, priority) >= sizeof path)
		return;
	int wd = inotify_add_watch(news->fd, path, IN_CREATE | IN_MOVED_TO | IN_MOVE_SELF | IN_ONLYDIR);
	for (size_t i = 0; i < news->count; i++)
		if (news->dirs[i].wd == wd)
			return;
	if (wd == -1)
		return;
	struct spool_news_dir *dir = &news->dirs[news->count++];
	dir->wd = wd;
	snprintf(dir->prefix, sizeof dir->prefix, "%s%s", priority, *priority ? "/" : "");
}

static const char *prefix_of(const struct spool_news *news, int wd)
{
	for (size_t i = 0; i < news->count; i++)
		if (news->dirs[i].wd == wd)
			return news->dirs[i].prefix;
	return NULL;
}

static void forget(struct spool_news *news, int wd)
{
	for (size_t i = 0; i < news->count; i++)
		if (news->dirs[i].wd == wd)
			news->dirs[i] = news->dirs[--news->count];
}

/* True when names were lost, the directory went away, or one of priority is new. */
static bool heard(struct spool_news *news, const struct inotify_event *event)
{
	char path[NAME_MAX + 32];
	const char *prefix = prefix_of(news, event->wd);
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (event->mask & IN_MOVE_SELF)
		inotify_rm_watch(news->fd, event->wd); /* and it is ignored from then on */
	if (event->mask & IN_IGNORED) {
		bool top = prefix && !*prefix;
		forget(news, event->wd);
		return top;
	}
	if (!prefix || !event->len)
		return false;
	if (event->mask & IN_ISDIR)
		return !*prefix && spool_priority_of(event->name) >= 0;
	if (!spool_name_is_task(event->name))
		return false;
	snprintf(path, sizeof path, "%s%s", prefix, event->name);
	found(path, news);
	return false;
}

bool spool_news_take(struct spool_news *news)
{
	char buffer[EVENTS] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool lost = false;
	news->out_of_memory = false;
	ssize_t n = read(news->fd, buffer, sizeof buffer);
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
		lost |= heard(news, event);
		at += (ssize_t)(sizeof *event + event->len);
	}
	return lost || news->out_of_memory;
}

/* ---- looks ---- */

static void found_priority(const char *name, void *data)
{
	watch(data, name);
}

int spool_news_look(struct spool_news *news)
{
	const struct spool_scan scan = { found, found_priority, news };
	if (news->dir->fd != -1 && spool_dir_is_gone(news->dir))
		spool_dir_close(news->dir);
	int failed = news->dir->fd == -1 ? spool_dir_open(news->dir, news->dir->path) : 0;
	if (failed)
		return failed;
	watch(news, "");
	news->out_of_memory = false;
	failed = spool_dir_scan(news->dir, &scan);
	return !failed && news->out_of_memory ? -ENOMEM : failed;
}
