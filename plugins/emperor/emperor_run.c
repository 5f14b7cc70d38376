/* emperor_run.c - the Emperor's process: it looks for vassals when a directory changes, and every emperor-freq seconds.
 *
 * What can be seen at once is seen through inotify; the regular look is for what it does not tell: patterns, the
 * targets of links, directories that come and go. */
#include "emperor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SETTLE_MS 100 /* from the first change to the look: a file is rarely written in one go */

struct emperor {
	const struct emperor_options *options;
	const struct source *sources;
	size_t count;
	int scanned; /* the source that is being looked at */
	int *errors; /* of the last look at each, so that one is told once */
	struct vassals vassals;
	struct uwsgi_watch changes, stats;
	struct uwsgi_timer settle, regular;
};

static void found(const struct found *found, void *data)
{
	struct emperor *e = data;
	vassals_found(&e->vassals, found, e->scanned);
}

/* What cannot be looked at is not taken for empty: its vassals stay. */
static void scan_source(struct emperor *e, int i)
{
	const struct source *source = &e->sources[i];
	e->scanned = i;
	if (!source->is_glob && e->changes.fd != -1)
		(void)inotify_add_watch(e->changes.fd, source->path,
					IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
						IN_ATTRIB);
	int failed = source_scan(source, e->options, found, e);
	if (failed && failed != e->errors[i])
		uwsgi_log("[emperor] cannot look for vassals in %s: %s; those it has go on\n", source->path,
			  strerror(-failed));
	e->errors[i] = failed;
	if (!failed)
		vassals_scanned(&e->vassals, i);
}

static void scan(struct emperor *e)
{
	for (size_t i = 0; i < e->count; i++)
		scan_source(e, (int)i);
	vassals_check(&e->vassals);
}

static void on_settle(struct uwsgi_timer *timer)
{
	scan(timer->data);
}

static void on_regular(struct uwsgi_timer *timer)
{
	struct emperor *e = timer->data;
	scan(e);
	uwsgi_loop_timer(uwsgi_loop(), timer, (uint64_t)e->options->freq * 1000);
}

static void on_changes(struct uwsgi_watch *watch, unsigned events)
{
	struct emperor *e = watch->data;
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	(void)events;
	while (read(watch->fd, buffer, sizeof buffer) > 0)
		;
	if (!e->settle.slot)
		uwsgi_loop_timer(uwsgi_loop(), &e->settle, SETTLE_MS);
}

static void write_pidfile(const char *path)
{
	FILE *file = fopen(path, "we");
	if (!file || fprintf(file, "%d\n", (int)getpid()) < 0)
		uwsgi_log("[emperor] cannot write the pidfile %s: %s\n", path, strerror(errno));
	if (file)
		fclose(file);
}

static void open_stats(struct emperor *e)
{
	int failed = stats_open(&e->stats, e->options->stats, &e->vassals);
	if (failed)
		uwsgi_log("[emperor] cannot tell statistics on %s: %s\n", e->options->stats, strerror(-failed));
	else
		uwsgi_log("*** Emperor stats server enabled on %s fd: %d ***\n", e->options->stats, e->stats.fd);
}

int emperor_run(const struct emperor_options *options, const struct source *sources, size_t count)
{
	struct emperor e = {
		.options = options, .sources = sources, .count = count, .vassals = { options, getpid(), NULL }
	};
	e.errors = calloc(count, sizeof *e.errors);
	e.changes = (struct uwsgi_watch){ inotify_init1(IN_CLOEXEC | IN_NONBLOCK), on_changes, &e };
	e.settle = (struct uwsgi_timer){ .fn = on_settle, .data = &e };
	e.regular = (struct uwsgi_timer){ .fn = on_regular, .data = &e };
	if (!e.errors)
		return 1;
	if (options->procname)
		uwsgi_proc_title(options->procname);
	if (options->pidfile)
		write_pidfile(options->pidfile);
	if (e.changes.fd == -1 || uwsgi_loop_add(uwsgi_loop(), &e.changes, UWSGI_READ))
		uwsgi_log("[emperor] changes are seen every %d seconds only: %s\n", options->freq, strerror(errno));
	if (options->stats)
		open_stats(&e);
	uwsgi_log("*** starting uWSGI Emperor ***\n");
	on_regular(&e.regular);
	uwsgi_loop_run(uwsgi_loop());
	uwsgi_log("[emperor] *** RAGNAROK EVOKED ***\n");
	vassals_end(&e.vassals);
	if (e.stats.fn)
		demand_close(e.stats.fd, options->stats);
	uwsgi_log("The Emperor is buried.\n");
	return 0;
}
