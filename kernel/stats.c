/* stats.c - see stats.h: the kernel's sections, with the names uWSGI 2.0 has for what it had, then the listeners'.
 *
 * What is not known is left out: a zero would be a statement. */
#include "stats.h"

#include "api_server.h"
#include "backlog.h"
#include "crew.h"
#include "cron_command.h"
#include "hook.h"
#include "listen.h"
#include "settings.h"
#include "signal_bus.h"
#include "sources.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uwsgi/api.h>
#include <uwsgi/stats.h>

struct stats {
	struct crew *crew;
	const struct cron_commands *cron;
};

/* What is looked at, and where it goes. */
struct view {
	const struct stats *stats;
	struct kernel *k;
	struct generation *g; /* the one that serves; NULL: none does */
	struct uwsgi_value *map;
};

static void add_text(struct uwsgi_value *to, const char *key, const char *text)
{
	uwsgi_add_str(to, key, text, strlen(text));
}

/* ---- sockets ---- */

static void add_sockets(const struct view *v)
{
	const struct uwsgi_socket *const *sockets;
	size_t count = listeners_list(v->k->listeners, &sockets);
	struct uwsgi_value *list = uwsgi_add_list(v->map, "sockets");
	for (size_t i = 0; i < count; i++) {
		struct uwsgi_value *socket = uwsgi_add_map(list, NULL);
		struct backlog backlog = backlog_of(sockets[i]);
		add_text(socket, "name", sockets[i]->name);
		add_text(socket, "proto", sockets[i]->protocol);
		if (!backlog.known)
			continue;
		uwsgi_add_int(socket, "queue", backlog.waiting);
		uwsgi_add_int(socket, "max_queue", backlog.room);
	}
}

/* ---- the server ---- */

static void add_server(const struct view *v)
{
	char cwd[PATH_MAX];
	const struct uwsgi_socket *const *sockets;
	size_t count = listeners_list(v->k->listeners, &sockets);
	unsigned waiting = backlog_of_all(sockets, count);
	add_text(v->map, "version", UWSGI_VERSION);
	uwsgi_add_int(v->map, "listen_queue", waiting);
	uwsgi_add_int(v->map, "signal_queue", v->g ? signal_bus_waiting(v->g->bus, -1) : 0);
	uwsgi_add_int(v->map, "load", waiting);
	uwsgi_add_int(v->map, "pid", getpid());
	uwsgi_add_int(v->map, "uid", getuid());
	uwsgi_add_int(v->map, "gid", getgid());
	add_text(v->map, "cwd", getcwd(cwd, sizeof cwd) ? cwd : "");
	if (v->g)
		uwsgi_add_int(v->map, "generation", v->g->number);
}

/* ---- processes ---- */

static struct uwsgi_proc_info look_at(const struct view *v, int kind, int number)
{
	const struct proc_slot *slot = proc_slot_find(v->k->table, kind, number);
	struct uwsgi_proc_info info = { .kind = proc_kind_at(v->k->table, kind)->name, .number = number };
	if (slot)
		proc_info(v->k->table, slot, &info);
	return info;
}

static int signals_waiting(const struct view *v, const struct uwsgi_proc_info *info)
{
	int queue = v->g ? signal_bus_queue(v->g->bus, info->kind, info->number) : -1;
	return queue < 0 ? 0 : (int)signal_bus_waiting(v->g->bus, queue);
}

static double seconds(uint64_t us)
{
	return (double)(us / 1000) / 1000;
}

/* What a process did besides requests. */
static void add_signal_record(const struct view *v, struct uwsgi_value *to, const struct uwsgi_proc_info *info)
{
	uwsgi_add_int(to, "signal_queue", signals_waiting(v, info));
	uwsgi_add_int(to, "signal_failures", (int64_t)info->signal_failures);
	uwsgi_add_float(to, "last_signal", seconds(info->last_signal_us));
}

/* The table counts the cores that are busy, not which they are: with one it is known. */
static void add_cores(const struct view *v, struct uwsgi_value *worker, const struct uwsgi_proc_info *info)
{
	struct uwsgi_value *list = uwsgi_add_list(worker, "cores");
	int count = info->pid ? v->k->settings->threads : 0;
	for (int i = 0; i < count; i++) {
		struct uwsgi_value *core = uwsgi_add_map(list, NULL);
		uwsgi_add_int(core, "id", i);
		if (count > 1)
			continue;
		uwsgi_add_int(core, "requests", (int64_t)info->requests);
		uwsgi_add_int(core, "in_request", info->state == UWSGI_PROC_BUSY);
	}
}

static void add_worker(const struct view *v, struct uwsgi_value *list, const struct uwsgi_proc_info *info)
{
	struct uwsgi_value *worker = uwsgi_add_map(list, NULL);
	bool paused = info->state == UWSGI_PROC_IDLE && atomic_load(&v->k->shared->paused);
	api_server_describe(worker, info, paused ? "pause" : NULL);
	uwsgi_add_int(worker, "generation", info->generation);
	add_signal_record(v, worker, info);
	add_cores(v, worker, info);
}

static void add_workers(const struct view *v)
{
	struct uwsgi_value *list = uwsgi_add_list(v->map, "workers");
	for (int kind = 0; kind < proc_kinds(v->k->table); kind++) {
		const struct uwsgi_kind *row = proc_kind_at(v->k->table, kind);
		for (int number = 1; row->flags & UWSGI_KIND_SERVES && number <= row->count(); number++) {
			struct uwsgi_proc_info info = look_at(v, kind, number);
			add_worker(v, list, &info);
		}
	}
}

static struct uwsgi_value *add_process(struct uwsgi_value *list, const struct uwsgi_proc_info *info)
{
	struct uwsgi_value *process = uwsgi_add_map(list, NULL);
	uwsgi_add_int(process, "id", info->number);
	uwsgi_add_int(process, "pid", info->pid);
	add_text(process, "status", api_server_status(info->state));
	uwsgi_add_int(process, "generation", info->generation);
	uwsgi_add_int(process, "respawns", (int64_t)info->respawns);
	uwsgi_add_int(process, "last_spawn", (int64_t)(info->last_spawn_us / 1000000));
	return process;
}

/* Processes without the application are all alike. */
static void add_helpers(const struct view *v)
{
	struct uwsgi_value *list = uwsgi_add_list(v->map, "processes");
	for (int kind = 0; kind < proc_kinds(v->k->table); kind++) {
		const struct uwsgi_kind *row = proc_kind_at(v->k->table, kind);
		for (int number = 1; row->flags & UWSGI_KIND_FROM_MASTER && number <= row->count(); number++) {
			struct uwsgi_proc_info info = look_at(v, kind, number);
			add_text(add_process(list, &info), "kind", info.kind);
		}
	}
}

static bool has(const struct uwsgi_value *map, const char *name)
{
	for (size_t i = 0; i < uwsgi_value_len(map); i++)
		if (!strcmp(uwsgi_value_str(uwsgi_value_key_at(map, i)).p, name))
			return true;
	return false;
}

/* Processes with the application: each kind has its section, here those that nobody has told of. */
static void add_others(const struct view *v)
{
	for (int kind = 0; kind < proc_kinds(v->k->table); kind++) {
		const struct uwsgi_kind *row = proc_kind_at(v->k->table, kind);
		char name[64];
		snprintf(name, sizeof name, "%ss", row->name);
		if (row->flags & UWSGI_KIND_FROM_MASTER || !row->count() || has(v->map, name))
			continue;
		struct uwsgi_value *list = uwsgi_add_list(v->map, name);
		for (int number = 1; number <= row->count(); number++) {
			struct uwsgi_proc_info info = look_at(v, kind, number);
			struct uwsgi_value *process = add_process(list, &info);
			uwsgi_add_int(process, "signals", (int64_t)info.signals);
			add_signal_record(v, process, &info);
		}
	}
}

/* ---- what raises signals, what is run at times ---- */

static void add_record(struct uwsgi_value *to, const struct source_record *record)
{
	uwsgi_add_int(to, "runs", (int64_t)record->runs);
	uwsgi_add_int(to, "failures", (int64_t)record->failures);
	uwsgi_add_float(to, "last", seconds(record->last_us));
}

static void add_times(struct uwsgi_value *to, const int16_t *field)
{
	static const char *const names[] = { "minute", "hour", "day", "month", "week" };
	for (int i = 0; i < 5; i++)
		uwsgi_add_int(to, names[i], field[i]);
}

static void add_command(const struct cron_command *command, pid_t pid, int64_t next, void *data)
{
	struct uwsgi_value *cron = uwsgi_add_map(data, NULL);
	add_times(cron, command->spec.field);
	add_text(cron, "command", command->command);
	uwsgi_add_int(cron, "unique", command->unique);
	uwsgi_add_int(cron, "pid", pid ? pid : -1);
	uwsgi_add_int(cron, "started_at", pid ? command->last : 0);
	uwsgi_add_int(cron, "runs", (int64_t)command->runs);
	uwsgi_add_int(cron, "failures", (int64_t)command->failures);
	uwsgi_add_float(cron, "last", (double)command->last);
	uwsgi_add_float(cron, "next", (double)next);
}

/* By type. */
static const struct source_section {
	const char *name;
	const char *path; /* what its text is called; NULL: it has none */
	bool is_due;	  /* at a time that is known */
} source_sections[] = {
	[UWSGI_SOURCE_CRON] = { "crons", NULL, true },
	[UWSGI_SOURCE_TIMER] = { "timers", NULL, true },
	[UWSGI_SOURCE_FILE] = { "file_monitors", "file", false },
	[UWSGI_SOURCE_PROBE] = { "probes", "address", false },
};
#define SOURCE_TYPES (sizeof source_sections / sizeof *source_sections)

/* `data` is a list for each type. */
static void add_source(const struct uwsgi_source *source, const struct source_record *record, void *data)
{
	struct uwsgi_value **lists = data;
	const struct source_section *section = &source_sections[source->type];
	struct uwsgi_value *one = uwsgi_add_map(lists[source->type], NULL);
	if (source->type == UWSGI_SOURCE_CRON)
		add_times(one, source->cron);
	uwsgi_add_int(one, "signal", source->number);
	if (section->path)
		add_text(one, section->path, source->path);
	if (source->period_ms)
		uwsgi_add_float(one, "period", (double)source->period_ms / 1000);
	if (source->times)
		uwsgi_add_int(one, "left", record->left);
	add_record(one, record);
	if (section->is_due)
		uwsgi_add_float(one, "next", seconds(record->next_us));
}

static void add_sources(const struct view *v)
{
	struct uwsgi_value *lists[SOURCE_TYPES] = { NULL };
	for (size_t type = 0; type < SOURCE_TYPES; type++)
		if (source_sections[type].name)
			lists[type] = uwsgi_add_list(v->map, source_sections[type].name);
	cron_commands_each(v->stats->cron, add_command, lists[UWSGI_SOURCE_CRON]);
	if (v->g)
		sources_each(v->g->sources, add_source, lists);
}

static void add_signals(const struct view *v)
{
	struct uwsgi_value *list = uwsgi_add_list(v->map, "signals");
	for (int number = 0; v->g && number < UWSGI_SIGNALS; number++) {
		struct uwsgi_signal_info info;
		if (signal_bus_get(v->g->bus, (uint8_t)number, &info))
			continue;
		struct uwsgi_value *signal = uwsgi_add_map(list, NULL);
		uwsgi_add_int(signal, "number", number);
		add_text(signal, "target", info.target);
		uwsgi_add_int(signal, "raised", (int64_t)info.raised);
		uwsgi_add_int(signal, "handled", (int64_t)info.handled);
		uwsgi_add_int(signal, "failed", (int64_t)info.failed);
		uwsgi_add_int(signal, "refused", (int64_t)info.refused);
		uwsgi_add_float(signal, "last", seconds(info.last_us));
	}
}

/* ---- all of it ---- */

struct stats *stats_create(struct crew *crew, const struct cron_commands *cron)
{
	struct stats *stats = calloc(1, sizeof *stats);
	if (stats)
		*stats = (struct stats){ crew, cron };
	return stats;
}

static int visit(uwsgi_hook_fn *fn, void *data)
{
	((uwsgi_hook_stats *)fn)(data);
	return 0;
}

void stats_collect(const struct stats *stats, struct uwsgi_value *map)
{
	struct kernel *k = stats->crew->k;
	const struct view v = { stats, k, crew_serving(stats->crew), map };
	add_server(&v);
	add_sockets(&v);
	add_workers(&v);
	add_helpers(&v);
	add_sources(&v);
	add_signals(&v);
	hook_each(k->hooks, UWSGI_HOOK_STATS, visit, map);
	add_others(&v);
}
