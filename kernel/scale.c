/* scale.c - looks once a second at what the workers do, asks cheaper.c, and does it.  A server without these options
 * has no such clock; one that went cheap has none either, the first connection wakes it. */
#include "scale.h"

#include "backlog.h"
#include "cheaper.h"
#include "handover.h"
#include "listen.h"
#include "option.h"
#include "settings.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define CYCLE_MS 1000
#define SOCKETS_MAX 64

struct scale {
	struct crew *crew;
	struct cheaper_rules rules;
	struct cheaper_memory memory;
	struct uwsgi_timer cycle;
	bool cheap;
	uint64_t last_requests, last_work_ms;
	struct uwsgi_watch sockets[SOCKETS_MAX]; /* while cheap */
	size_t socket_count;
	void (*on_idle)(void *data);
	void *data;
};

/* Where the options put what they are given. */
static struct {
	int cheaper, initial, step, overload;
	int64_t rss_soft, rss_hard;
	int busy_max, busy_min, multiplier, penalty, backlog_alert;
	int idle;
	bool cheap, die_on_idle, busy_verbose;
	enum cheaper_algorithm algorithm;
} wanted = {
	.step = 1, .overload = 3, .busy_max = 50, .busy_min = 25, .multiplier = 10, .penalty = 2, .backlog_alert = 33
};

/* ---- options ---- */

static int apply_algorithm(const char *key, const char *value, void *data)
{
	(void)data;
	for (int i = 0; i < CHEAPER_ALGORITHMS; i++)
		if (!strcmp(value, cheaper_names[i])) {
			wanted.algorithm = (enum cheaper_algorithm)i;
			return 0;
		}
	uwsgi_log("%s = %s: there is spare, backlog, busyness and manual\n", key, value);
	return -EINVAL;
}

static int list_algorithms(const char *key, const char *value, void *data)
{
	(void)key;
	(void)value;
	(void)data;
	for (int i = 0; i < CHEAPER_ALGORITHMS; i++)
		printf("%s\n", cheaper_names[i]);
	exit(0);
}

int scale_register(struct option_registry *options)
{
#define INT(NAME, FIELD, HELP)                                                                                         \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_INT, .value = &wanted.FIELD, .help = HELP, .group = "workers",         \
		.flags = UWSGI_OPT_MASTER                                                                              \
	}
#define BOOL(NAME, FIELD, HELP)                                                                                        \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_BOOL, .value = &wanted.FIELD, .help = HELP, .group = "workers",        \
		.flags = UWSGI_OPT_MASTER                                                                              \
	}
	static const struct uwsgi_option rows[] = {
		BOOL("cheap", cheap, "no workers until the first connection"),
		INT("idle", idle, "no workers any more after that many seconds without a request"),
		BOOL("die-on-idle", die_on_idle, "stop the server instead"),
		INT("cheaper", cheaper, "the least workers; `processes` is the most"),
		INT("cheaper-initial", initial, "workers at the start (default: the least)"),
		{ .name = "cheaper-algo",
		  .type = UWSGI_OPT_CALL,
		  .apply = apply_algorithm,
		  .group = "workers",
		  .help = "what decides: spare (default), backlog, busyness or manual" },
		{ .name = "cheaper-algo-list",
		  .type = UWSGI_OPT_CALL,
		  .arg = UWSGI_ARG_NONE,
		  .apply = list_algorithms,
		  .flags = UWSGI_OPT_IMMEDIATE,
		  .group = "workers",
		  .help = "print those names, and exit" },
		{ .name = "cheaper-algos-list", .alias_of = "cheaper-algo-list" },
		{ .name = "cheaper-list", .alias_of = "cheaper-algo-list" },
		INT("cheaper-step", step, "workers started at once (default 1)"),
		INT("cheaper-overload", overload,
		    "spare: seconds of all being busy or one too many; backlog: connections; busyness: seconds of a "
		    "window (default 3)"),
		{ .name = "cheaper-rss-limit-soft",
		  .type = UWSGI_OPT_INT64,
		  .value = &wanted.rss_soft,
		  .group = "workers",
		  .help = "no further worker when all together have that many bytes" },
		{ .name = "cheaper-rss-limit-hard",
		  .type = UWSGI_OPT_INT64,
		  .value = &wanted.rss_hard,
		  .group = "workers",
		  .help = "one worker less when all together have that many bytes" },
		INT("cheaper-busyness-max", busy_max, "busyness: percent above which workers are started (default 50)"),
		INT("cheaper-busyness-min", busy_min,
		    "busyness: percent below which a window counts as idle (default 25)"),
		INT("cheaper-busyness-multiplier", multiplier,
		    "busyness: idle windows before a worker ends (default 10)"),
		INT("cheaper-busyness-penalty", penalty,
		    "busyness: windows more after one ended too early (default 2)"),
		BOOL("cheaper-busyness-verbose", busy_verbose, "accepted: what is decided is logged always"),
		INT("cheaper-busyness-backlog-alert", backlog_alert,
		    "busyness: waiting connections that start workers at once (default 33)"),
		{ 0 },
	};
	return option_register(options, "the kernel", rows, sizeof *rows, NULL);
}

int scale_check(int processes)
{
	if (wanted.cheaper && wanted.cheaper >= processes) {
		uwsgi_log("invalid cheaper value: must be lower than processes\n");
		return -EINVAL;
	}
	if (wanted.cheaper && wanted.initial && (wanted.initial < wanted.cheaper || wanted.initial > processes)) {
		uwsgi_log("cheaper-initial = %d: not between cheaper and processes, starting with %d workers\n",
			  wanted.initial, wanted.cheaper);
		wanted.initial = 0;
	}
	return 0;
}

static int initial_workers(int processes)
{
	if (!wanted.cheaper)
		return processes;
	return wanted.initial ? wanted.initial : wanted.cheaper;
}

/* ---- what there is ---- */

static int connections_waiting(struct crew *crew)
{
	const struct uwsgi_socket *const *sockets;
	size_t count = listeners_list(crew->k->listeners, &sockets);
	return (int)backlog_of_all(sockets, count);
}

static uint64_t rss_of(pid_t pid)
{
	char path[64];
	unsigned long long pages = 0;
	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct cheaper_view look(struct scale *s)
{
	struct crew *crew = s->crew;
	const struct generation *g = crew_serving(crew);
	int threads = crew->k->settings->threads;
	struct cheaper_view v = { 0 };
	for (int i = 0; g && i < proc_table_size(crew->k->table); i++) {
		const struct proc_slot *slot = proc_slot_at(crew->k->table, i);
		if (!proc_is_up(slot) || slot->leaving || slot->generation != g->number ||
		    !(proc_kind_at(crew->k->table, slot->kind)->flags & UWSGI_KIND_SERVES))
			continue;
		v.up++;
		v.cores += (uint64_t)threads;
		v.busy_us += slot->running_us;
		if (atomic_load(&slot->state) == UWSGI_PROC_IDLE) {
			v.ready++;
			v.busy += slot->busy_cores >= threads;
		}
		if (s->rules.rss_soft || s->rules.rss_hard)
			v.rss += rss_of(slot->pid);
	}
	v.backlog = connections_waiting(crew);
	return v;
}

/* ---- more and fewer ---- */

static void start_cycle(struct scale *s)
{
	if (wanted.cheaper || wanted.idle)
		uwsgi_loop_timer(s->crew->k->loop, &s->cycle, CYCLE_MS);
}

static void stop_above(struct crew *crew, struct proc_slot *slot, int limit)
{
	if (!(proc_kind_at(crew->k->table, slot->kind)->flags & UWSGI_KIND_SERVES) || slot->number <= limit ||
	    !proc_is_up(slot))
		return;
	crew_stop(crew, slot, SIGTERM);
	uwsgi_log("uWSGI worker %d cheaped.\n", slot->number);
}

static void set_workers(struct scale *s, int workers)
{
	struct crew *crew = s->crew;
	crew->workers = workers;
	atomic_store(&crew->k->shared->workers, workers);
	crew_each(crew, 0, stop_above, workers);
	for (int i = 0; i < GENERATIONS; i++) {
		struct generation *g = &crew->generations[i];
		if (g->number && g->loaded && !g->retiring)
			crew_start_missing(crew, g);
	}
}

/* ---- cheap ---- */

static void wake_up(struct scale *s)
{
	for (size_t i = 0; i < s->socket_count; i++)
		uwsgi_loop_remove(s->crew->k->loop, &s->sockets[i]);
	s->socket_count = 0;
	s->cheap = false;
	s->last_work_ms = uwsgi_now_ms();
	set_workers(s, initial_workers(s->rules.max));
	start_cycle(s);
}

static void on_connection(struct uwsgi_watch *watch, unsigned events)
{
	(void)events;
	wake_up(watch->data);
}

static void watch_sockets(struct scale *s)
{
	const struct uwsgi_socket *const *sockets;
	size_t n = listeners_list(s->crew->k->listeners, &sockets);
	for (size_t i = 0; i < n && i < SOCKETS_MAX; i++) {
		s->sockets[i] = (struct uwsgi_watch){ sockets[i]->fd, on_connection, s };
		if (uwsgi_loop_add(s->crew->k->loop, &s->sockets[i], UWSGI_READ) == 0)
			s->socket_count = i + 1;
	}
}

void scale_go_cheap(struct scale *s)
{
	if (s->cheap || s->crew->ending)
		return;
	s->cheap = true;
	uwsgi_loop_timer_stop(s->crew->k->loop, &s->cycle);
	uwsgi_log("going cheap...\n");
	set_workers(s, 0);
	uwsgi_log("cheap mode enabled: waiting for socket connection...\n");
	watch_sockets(s);
}

/* ---- the clock ---- */

static bool is_idle(struct scale *s, const struct cheaper_view *v)
{
	uint64_t now = uwsgi_now_ms(), requests = proc_total_requests(s->crew->k->table);
	bool worked = requests != s->last_requests || v->busy || v->ready < v->up;
	for (int i = 0; !worked && i < proc_table_size(s->crew->k->table); i++) {
		const struct proc_slot *slot = proc_slot_at(s->crew->k->table, i);
		worked = proc_is_up(slot) && slot->busy_cores > 0;
	}
	s->last_requests = requests;
	if (worked)
		s->last_work_ms = now;
	return wanted.idle && now - s->last_work_ms >= (uint64_t)wanted.idle * 1000;
}

static void on_cycle(struct uwsgi_timer *timer)
{
	struct scale *s = timer->data;
	struct cheaper_view v = look(s);
	start_cycle(s);
	if (s->crew->ending || !crew_serving(s->crew) || crew_coming(s->crew))
		return;
	if (is_idle(s, &v)) {
		uwsgi_log("workers have been inactive for more than %d seconds\n", wanted.idle);
		if (wanted.die_on_idle)
			s->on_idle(s->data);
		else
			scale_go_cheap(s);
		return;
	}
	int more = wanted.cheaper ? cheaper_decide(&s->rules, &s->memory, &v) : 0;
	if (more)
		set_workers(s, v.up + more);
}

void scale_by(struct scale *s, int by)
{
	int workers = s->crew->workers + by;
	if (!wanted.cheaper) {
		uwsgi_log("uwsgi: the number of workers changes only with `cheaper`\n");
		return;
	}
	if (!s->cheap && workers >= 1 && workers <= s->rules.max)
		set_workers(s, workers);
}

/* ---- its beginning ---- */

void scale_keep(const struct scale *s)
{
	char workers[16];
	snprintf(workers, sizeof workers, "%d", s->crew->workers);
	handover_keep(s->crew->k->handover, "workers", -1, workers);
}

struct scale *scale_begin(struct crew *crew, void (*on_idle)(void *data), void *data)
{
	struct scale *s = calloc(1, sizeof *s);
	const char *before;
	if (!s)
		return NULL;
	s->crew = crew;
	s->on_idle = on_idle;
	s->data = data;
	s->cycle.fn = on_cycle;
	s->cycle.data = s;
	s->last_work_ms = uwsgi_now_ms();
	s->rules = (struct cheaper_rules){
		.algorithm = wanted.algorithm,
		.min = wanted.cheaper,
		.max = crew->k->settings->processes,
		.step = wanted.step,
		.overload = wanted.overload,
		.rss_soft = (uint64_t)wanted.rss_soft,
		.rss_hard = (uint64_t)wanted.rss_hard,
		.busy_max = wanted.busy_max,
		.busy_min = wanted.busy_min,
		.idle_windows = wanted.multiplier,
		.penalty = wanted.penalty,
		.backlog_alert = wanted.backlog_alert,
	};
	crew->workers = wanted.cheap ? 0 : initial_workers(s->rules.max);
	if (handover_claim(crew->k->handover, "workers", NULL, &before) && (wanted.cheaper || atoi(before) == 0))
		crew->workers = atoi(before) < s->rules.max ? atoi(before) : s->rules.max;
	atomic_store(&crew->k->shared->workers, crew->workers);
	s->cheap = crew->workers == 0 && s->rules.max > 0;
	if (s->cheap) {
		uwsgi_log("cheap mode enabled: waiting for socket connection...\n");
		watch_sockets(s);
	} else {
		start_cycle(s);
	}
	return s;
}
