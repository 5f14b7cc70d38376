/* sources.c - see sources.h. */
#include "sources.h"

#include "cron.h"
#include "handover.h"
#include "probe.h"
#include "watch_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uwsgi/log.h>

struct item {
	struct uwsgi_timer timer; /* first: the timer of a TIMER is the item */
	struct sources *sources;
	struct uwsgi_source source;
	uint64_t next_ms;	 /* TIMER: when it is due, 0: it never was armed */
	uint64_t runs, failures; /* raised, refused */
	uint64_t last_us;	 /* 0: neither */
	struct probe *probe;	 /* PROBE */
	bool down;		 /* PROBE: what the image before knew */
	struct item *next;
};

struct sources {
	struct uwsgi_loop *loop;
	unsigned generation;
	bool running;
	struct item *items;
	struct uwsgi_timer minute; /* for all crons; armed while there are some */
	_Atomic int64_t *seen;
	struct watch_files *files; /* made with the first */
	int (*raise)(void *data, uint8_t number);
	void *data;
};

static int64_t this_minute(void)
{
	return (int64_t)(uwsgi_micros() / 60000000);
}

static void raise_signal(struct item *item)
{
	struct sources *s = item->sources;
	int refused = s->raise(s->data, item->source.number);
	if (refused)
		item->failures++;
	else
		item->runs++;
	item->last_us = uwsgi_micros();
}

/* ---- timers ---- */

static void arm_timer(struct item *item)
{
	uint64_t now = uwsgi_now_ms();
	uwsgi_loop_timer(item->sources->loop, &item->timer, item->next_ms > now ? item->next_ms - now : 0);
}

/* Its next time is counted from its last one, not from now: it does not drift. */
static void on_timer(struct uwsgi_timer *timer)
{
	struct item *item = (struct item *)timer;
	uint64_t period = (uint64_t)item->source.period_ms, now = uwsgi_now_ms();
	raise_signal(item);
	if (item->source.times && --item->source.times == 0) {
		item->source.times = -1; /* done */
		return;
	}
	item->next_ms += period;
	if (item->next_ms + period < now) /* the master was stopped for long: what it missed is not made up for */
		item->next_ms = now + period;
	arm_timer(item);
}

static bool timer_is_valid(const struct uwsgi_source *source)
{
	return source->period_ms > 0 && source->times >= -1;
}

static void start_timer(struct item *item)
{
	if (item->source.times == -1)
		return;
	if (!item->next_ms)
		item->next_ms = uwsgi_now_ms() + (uint64_t)item->source.period_ms;
	arm_timer(item);
}

static void stop_timer(struct item *item)
{
	uwsgi_loop_timer_stop(item->sources->loop, &item->timer);
}

/* ---- cron ---- */

static struct cron_spec spec_of(const struct uwsgi_source *source)
{
	struct cron_spec spec;
	memcpy(spec.field, source->cron, sizeof spec.field);
	return spec;
}

static void on_minute(struct uwsgi_timer *timer)
{
	struct sources *s = timer->data;
	int64_t now = this_minute(), seen = atomic_load(s->seen);
	if (!seen)
		seen = now - 1; /* the minute of the start counts */
	for (struct item *item = s->items; item && now != seen; item = item->next) {
		struct cron_spec spec = spec_of(&item->source);
		if (item->source.type != UWSGI_SOURCE_CRON || !cron_is_due(&spec, seen, now))
			continue;
		uwsgi_log("[uwsgi-cron] routing signal %d\n", item->source.number);
		raise_signal(item);
	}
	atomic_store(s->seen, cron_seen(seen, now));
	uwsgi_loop_timer(s->loop, timer, 60000 - uwsgi_micros() / 1000 % 60000);
}

static bool any_is_valid(const struct uwsgi_source *source)
{
	(void)source;
	return true; /* what never comes is no error */
}

/* One timer is for all. */
static void start_cron(struct item *item)
{
	struct sources *s = item->sources;
	if (!s->minute.slot)
		uwsgi_loop_timer(s->loop, &s->minute, 0);
}

static void stop_cron(struct item *item)
{
	uwsgi_loop_timer_stop(item->sources->loop, &item->sources->minute);
}

/* ---- files ---- */

static void on_file(const char *path, void *data)
{
	struct item *item = data;
	(void)path;
	if (item->sources->running)
		raise_signal(item);
}

/* A name with a tab or a newline could not be handed over. */
static bool has_name(const struct uwsgi_source *source)
{
	return memchr(source->path, 0, sizeof source->path) && *source->path && !strpbrk(source->path, "\t\n");
}

static int open_file(struct item *item)
{
	struct sources *s = item->sources;
	if (!s->files)
		s->files = watch_files_create(s->loop);
	if (!s->files)
		return -ENOMEM;
	return watch_file(s->files, item->source.path, on_file, item);
}

/* ---- probes ---- */

static bool probe_is_valid(const struct uwsgi_source *source)
{
	return has_name(source) && source->period_ms > 0 && source->timeout_ms > 0;
}

static void on_probe(void *data, bool up)
{
	struct item *item = data;
	uwsgi_log("[uwsgi-probe] %s is %s: routing signal %d\n", item->source.path, up ? "up" : "down",
		  item->source.number);
	raise_signal(item);
}

static int open_probe(struct item *item)
{
	const struct uwsgi_source *source = &item->source;
	const struct probe_spec spec = { source->path, source->period_ms, source->timeout_ms, item->down };
	item->probe = probe_create(item->sources->loop, &spec, on_probe, item);
	return item->probe ? 0 : -ENOMEM;
}

static void start_probe(struct item *item)
{
	probe_start(item->probe);
}

static void stop_probe(struct item *item)
{
	probe_stop(item->probe);
}

/* ---- all of them ---- */

static const struct source_type {
	bool (*is_valid)(const struct uwsgi_source *source);
	int (*open)(struct item *item); /* 0 or -errno */
	void (*start)(struct item *item);
	void (*stop)(struct item *item);
} types[] = {
	[UWSGI_SOURCE_TIMER] = { timer_is_valid, NULL, start_timer, stop_timer },
	[UWSGI_SOURCE_CRON] = { any_is_valid, NULL, start_cron, stop_cron },
	[UWSGI_SOURCE_FILE] = { has_name, open_file, NULL, NULL },
	[UWSGI_SOURCE_PROBE] = { probe_is_valid, open_probe, start_probe, stop_probe },
};

static bool is_valid(const struct uwsgi_source *source)
{
	return source->type < sizeof types / sizeof *types && types[source->type].is_valid &&
	       types[source->type].is_valid(source);
}

static void start(struct item *item)
{
	if (types[item->source.type].start)
		types[item->source.type].start(item);
}

static void stop(struct item *item)
{
	if (types[item->source.type].stop)
		types[item->source.type].stop(item);
}

static bool is_known(const struct sources *s, const struct uwsgi_source *source)
{
	for (const struct item *item = s->items; item; item = item->next)
		if (!memcmp(&item->source, source, sizeof *source))
			return true;
	return false;
}

struct sources *sources_create(struct uwsgi_loop *loop, unsigned generation, _Atomic int64_t *seen,
			       int (*raise)(void *data, uint8_t number), void *data)
{
	struct sources *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	*s = (struct sources){ .loop = loop, .generation = generation, .seen = seen, .raise = raise, .data = data };
	s->minute.fn = on_minute;
	s->minute.data = s;
	return s;
}

/* Add one like `like`, behind the others. */
static int add(struct sources *s, const struct item *like)
{
	struct item *item = malloc(sizeof *item), **end = &s->items;
	if (!item)
		return -ENOMEM;
	*item = *like;
	item->sources = s;
	item->timer.fn = on_timer;
	int failed = types[item->source.type].open ? types[item->source.type].open(item) : 0;
	if (failed) {
		free(item);
		return failed;
	}
	while (*end)
		end = &(*end)->next;
	*end = item;
	if (s->running)
		start(item);
	return 0;
}

int sources_add(struct sources *s, const struct uwsgi_source *source)
{
	if (!is_valid(source))
		return -EINVAL;
	const struct item fresh = { .source = *source };
	return is_known(s, source) ? 0 : add(s, &fresh);
}

void sources_start(struct sources *s)
{
	if (s->running)
		return;
	s->running = true;
	for (struct item *item = s->items; item; item = item->next)
		start(item);
}

void sources_stop(struct sources *s)
{
	s->running = false;
	for (struct item *item = s->items; item; item = item->next)
		stop(item);
}

void sources_clear(struct sources *s)
{
	bool running = s->running;
	sources_stop(s);
	watch_files_destroy(&s->files);
	while (s->items) {
		struct item *next = s->items->next;
		probe_destroy(&s->items->probe);
		free(s->items);
		s->items = next;
	}
	s->running = running;
}

void sources_destroy(struct sources **s)
{
	if (!*s)
		return;
	sources_clear(*s);
	free(*s);
	*s = NULL;
}

static uint64_t next_us(const struct sources *s, const struct item *item)
{
	uint64_t now = uwsgi_now_ms();
	if (item->source.type == UWSGI_SOURCE_TIMER && item->source.times != -1)
		return uwsgi_micros() + (item->next_ms > now ? item->next_ms - now : 0) * 1000;
	if (item->source.type == UWSGI_SOURCE_CRON) {
		struct cron_spec spec = spec_of(&item->source);
		int64_t minute = cron_next(&spec, cron_last(atomic_load(s->seen), this_minute()));
		return minute < 0 ? 0 : (uint64_t)minute * 60000000;
	}
	return 0;
}

void sources_each(const struct sources *s,
		  void (*fn)(const struct uwsgi_source *source, const struct source_record *record, void *data),
		  void *data)
{
	for (const struct item *item = s->items; item; item = item->next) {
		const struct source_record record = { item->runs, item->failures, item->last_us,
						      s->running ? next_us(s, item) : 0 };
		fn(&item->source, &record, data);
	}
}

void sources_close_inherited(const struct sources *s)
{
	if (s->files)
		close(watch_files_fd(s->files));
	for (const struct item *item = s->items; item; item = item->next)
		if (item->probe)
			probe_close_inherited(item->probe);
}

/* ---- over a reload ---- */

/* "type number next_ms period_ms timeout_ms times runs failures last_us down minute hour day month weekday path" */
int sources_keep(const struct sources *s, struct handover *handover)
{
	int n = 0, failed = 0;
	for (const struct item *item = s->items; item && !failed; item = item->next, n++) {
		const struct uwsgi_source *source = &item->source;
		char name[48], text[512];
		snprintf(name, sizeof name, "source of %u %d", s->generation, n);
		snprintf(text, sizeof text,
			 "%d %d %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64
			 " %d %d %d %d %d %d %s",
			 source->type, source->number, item->next_ms, source->period_ms, source->timeout_ms,
			 source->times, item->runs, item->failures, item->last_us,
			 item->probe && probe_is_down(item->probe), source->cron[0], source->cron[1], source->cron[2],
			 source->cron[3], source->cron[4], source->path);
		failed = handover_keep(handover, name, -1, text);
	}
	return failed;
}

static void claim(struct sources *s, const char *text)
{
	struct item item = { 0 };
	struct uwsgi_source *source = &item.source;
	int type, number, down, at = 0, cron[5];
	if (sscanf(text,
		   "%d %d %" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %d %d %d %d %d %d %n",
		   &type, &number, &item.next_ms, &source->period_ms, &source->timeout_ms, &source->times, &item.runs,
		   &item.failures, &item.last_us, &down, &cron[0], &cron[1], &cron[2], &cron[3], &cron[4], &at) < 15)
		return;
	item.down = down;
	source->type = (uint8_t)type;
	source->number = (uint8_t)number;
	for (int i = 0; i < 5; i++)
		source->cron[i] = (int16_t)cron[i];
	snprintf(source->path, sizeof source->path, "%s", text + at);
	if (is_valid(source))
		add(s, &item);
}

void sources_claim(struct sources *s, struct handover *handover)
{
	const char *text;
	for (int n = 0;; n++) {
		char name[48];
		snprintf(name, sizeof name, "source of %u %d", s->generation, n);
		if (!handover_claim(handover, name, NULL, &text))
			return;
		claim(s, text);
		handover_drop(handover, name);
	}
}
