/* source_types.c - what raises a signal, type by type: a row each, in the table at the end. */
#include "source_parts.h"

#include "cron.h"
#include "probe.h"
#include "watch_file.h"

#include <errno.h>
#include <string.h>
#include <uwsgi/log.h>

static int64_t this_minute(void)
{
	return (int64_t)(uwsgi_micros() / 60000000);
}

static void raise_signal(struct source_item *item)
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

static void arm_timer(struct source_item *item)
{
	uint64_t now = uwsgi_now_ms();
	uwsgi_loop_timer(item->sources->loop, &item->timer, item->next_ms > now ? item->next_ms - now : 0);
}

/* Its next time is counted from its last one, not from now: it does not drift. */
static void on_timer(struct uwsgi_timer *timer)
{
	struct source_item *item = (struct source_item *)timer;
	uint64_t period = (uint64_t)item->source.period_ms, now = uwsgi_now_ms();
	raise_signal(item);
	if (item->left > 0 && --item->left == 0)
		return;
	item->next_ms += period;
	if (item->next_ms + period < now) /* the master was stopped for long: what it missed is not made up for */
		item->next_ms = now + period;
	arm_timer(item);
}

static bool timer_is_valid(const struct uwsgi_source *source)
{
	return source->period_ms > 0 && source->times >= 0;
}

static void start_timer(struct source_item *item)
{
	item->timer.fn = on_timer;
	if (!item->left)
		return;
	if (!item->next_ms)
		item->next_ms = uwsgi_now_ms() + (uint64_t)item->source.period_ms;
	arm_timer(item);
}

static uint64_t timer_next_us(const struct source_item *item)
{
	uint64_t now = uwsgi_now_ms();
	if (!item->left)
		return 0;
	return uwsgi_micros() + (item->next_ms > now ? item->next_ms - now : 0) * 1000;
}

static void stop_timer(struct source_item *item)
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
	for (struct source_item *item = s->items; item && now != seen; item = item->next) {
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
static void start_cron(struct source_item *item)
{
	struct sources *s = item->sources;
	s->minute.fn = on_minute;
	s->minute.data = s;
	if (!s->minute.slot)
		uwsgi_loop_timer(s->loop, &s->minute, 0);
}

static uint64_t cron_next_us(const struct source_item *item)
{
	struct cron_spec spec = spec_of(&item->source);
	int64_t minute = cron_next(&spec, cron_last(atomic_load(item->sources->seen), this_minute()));
	return minute < 0 ? 0 : (uint64_t)minute * 60000000;
}

static void stop_cron(struct source_item *item)
{
	struct sources *s = item->sources;
	for (const struct source_item *other = s->items; other && s->running; other = other->next)
		if (other != item && other->source.type == UWSGI_SOURCE_CRON)
			return; /* which needs it still */
	uwsgi_loop_timer_stop(s->loop, &s->minute);
}

/* ---- files ---- */

static void on_file(const char *path, void *data)
{
	struct source_item *item = data;
	(void)path;
	if (item->sources->running)
		raise_signal(item);
}

static bool has_name(const struct uwsgi_source *source)
{
	return *source->path;
}

static int open_file(struct source_item *item)
{
	struct sources *s = item->sources;
	if (!s->files)
		s->files = watch_files_create(s->loop);
	if (!s->files)
		return -ENOMEM;
	return watch_file(s->files, item->source.path, on_file, item);
}

static void close_file(struct source_item *item)
{
	watch_file_no_more(item->sources->files, item);
}

/* ---- probes ---- */

static bool probe_is_valid(const struct uwsgi_source *source)
{
	return has_name(source) && source->period_ms > 0 && source->timeout_ms > 0;
}

static void on_probe(void *data, bool up)
{
	struct source_item *item = data;
	uwsgi_log("[uwsgi-probe] %s is %s: routing signal %d\n", item->source.path, up ? "up" : "down",
		  item->source.number);
	raise_signal(item);
}

static int open_probe(struct source_item *item)
{
	const struct uwsgi_source *source = &item->source;
	const struct probe_spec spec = { source->path, source->period_ms, source->timeout_ms, item->down };
	item->probe = probe_create(item->sources->loop, &spec, on_probe, item);
	return item->probe ? 0 : -ENOMEM;
}

static void close_probe(struct source_item *item)
{
	probe_destroy(&item->probe);
}

static void start_probe(struct source_item *item)
{
	probe_start(item->probe);
}

static void stop_probe(struct source_item *item)
{
	probe_stop(item->probe);
}

/* ---- all of them ---- */

static const struct source_type types[] = {
	[UWSGI_SOURCE_TIMER] = { timer_is_valid, NULL, NULL, start_timer, stop_timer, timer_next_us },
	[UWSGI_SOURCE_CRON] = { any_is_valid, NULL, NULL, start_cron, stop_cron, cron_next_us },
	[UWSGI_SOURCE_FILE] = { has_name, open_file, close_file, NULL, NULL, NULL },
	[UWSGI_SOURCE_PROBE] = { probe_is_valid, open_probe, close_probe, start_probe, stop_probe, NULL },
};

const struct source_type *source_type(uint8_t type)
{
	return type < sizeof types / sizeof *types && types[type].is_valid ? &types[type] : NULL;
}
