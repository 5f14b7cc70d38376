/* spooler_stats.c - what spoolers have done: a map for each, for programs; one for each process, in the statistics. */
#include "spooler.h"

#include <string.h>

#include "spool_dir.h"
#include "spool_figures.h"

static struct uwsgi_proc_info process(int number)
{
	struct uwsgi_proc_info info = { 0 };
	uwsgi_proc_get("spooler", number, &info, sizeof info);
	return info;
}

/* ---- processes ---- */

/* As under uWSGI 2.0; nothing of a disk, which the master must not wait for. */
void spooler_stats(struct uwsgi_value *stats)
{
	struct uwsgi_value *list = uwsgi_add_list(stats, "spoolers");
	int count = uwsgi_proc_count("spooler");
	for (int number = 1; number <= count; number++) {
		struct uwsgi_value *map = uwsgi_add_map(list, NULL);
		int within = number;
		const struct spooler *spooler = spooler_of(&within);
		const struct spool_figures *figures = &spooler->figures[within - 1];
		const struct uwsgi_proc_info info = process(number);
		uwsgi_add_str(map, "dir", spooler->path, strlen(spooler->path));
		uwsgi_add_int(map, "pid", info.pid);
		uwsgi_add_int(map, "tasks", (int64_t)atomic_load(&figures->done));
		uwsgi_add_int(map, "respawns", (int64_t)info.respawns);
		uwsgi_add_int(map, "running", atomic_load(&figures->running) != 0);
		uwsgi_add_int(map, "runs", (int64_t)atomic_load(&figures->runs));
		uwsgi_add_int(map, "failures", (int64_t)atomic_load(&figures->failed));
		uwsgi_add_float(map, "last", (double)atomic_load(&figures->last));
		uwsgi_add_float(map, "next", (double)atomic_load(&figures->next));
	}
}

/* ---- spoolers ---- */

static void count_task(const char *path, void *data)
{
	(void)path;
	++*(int64_t *)data;
}

static void describe(struct uwsgi_value *map, const struct spooler *spooler, int first)
{
	const struct spool_totals total = spool_figures_total(spooler->figures, spooler->processes);
	int64_t files = 0, dead = 0;
	const struct spool_scan scan = { count_task, NULL, &files };
	struct spool_dir dir = { 0 };
	if (spool_dir_open(&dir, spooler->path) == 0) {
		(void)spool_dir_scan(&dir, &scan);
		(void)spool_dir_each_dead(&dir, count_task, &dead);
		spool_dir_close(&dir);
	}
	uwsgi_add_bytes(map, "dir", spooler->path, strlen(spooler->path));
	uwsgi_add_bool(map, "external", spooler->external);
	struct uwsgi_value *pids = uwsgi_add_list(map, "pids");
	for (int i = 0; i < spooler->processes; i++)
		uwsgi_add_int(pids, NULL, process(first + i).pid);
	uwsgi_add_int(map, "running", total.running);
	uwsgi_add_int(map, "waiting", files > total.running ? files - total.running : 0);
	uwsgi_add_int(map, "dead", dead);
	uwsgi_add_int(map, "runs", (int64_t)total.runs);
	uwsgi_add_int(map, "done", (int64_t)total.done);
	uwsgi_add_int(map, "failed", (int64_t)total.failed);
	uwsgi_add_int(map, "last", total.last);
	uwsgi_add_int(map, "next", total.next);
}

int spooler_api_stats(struct uwsgi_call *c)
{
	const struct spooler_options *o = spooler_options();
	struct uwsgi_value *list = uwsgi_ret_list(c);
	int first = 1;
	for (size_t i = 0; i < o->count; i++) {
		struct uwsgi_value *map = uwsgi_add_map(list, NULL);
		if (!map)
			return uwsgi_fail(c, UWSGI_ERUNTIME, "spooler_stats(): memory is out");
		describe(map, &o->list[i], first);
		first += o->list[i].processes;
	}
	return 0;
}
