/* sources.c - see sources.h. */
#include "source_parts.h"

#include "handover.h"
#include "probe.h"
#include "watch_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_valid(const struct uwsgi_source *source)
{
	const struct source_type *type = source_type(source->type);
	return type && memchr(source->path, 0, sizeof source->path) && type->is_valid(source);
}

static void start(struct source_item *item)
{
	const struct source_type *type = source_type(item->source.type);
	if (type->start)
		type->start(item);
}

static void stop(struct source_item *item)
{
	const struct source_type *type = source_type(item->source.type);
	if (type->stop)
		type->stop(item);
}

static bool is_same(const struct uwsgi_source *a, const struct uwsgi_source *b)
{
	return a->type == b->type && a->number == b->number && !memcmp(a->cron, b->cron, sizeof a->cron) &&
	       a->period_ms == b->period_ms && a->times == b->times && a->timeout_ms == b->timeout_ms &&
	       !strcmp(a->path, b->path);
}

static struct source_item *find(const struct sources *s, const struct uwsgi_source *source)
{
	struct source_item *item = s->items;
	while (item && !is_same(&item->source, source))
		item = item->next;
	return item;
}

struct sources *sources_create(struct uwsgi_loop *loop, unsigned generation, _Atomic int64_t *seen,
			       int (*raise)(void *data, uint8_t number), void *data)
{
	struct sources *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	*s = (struct sources){ .loop = loop, .generation = generation, .seen = seen, .raise = raise, .data = data };
	return s;
}

/* Add one like `like`, behind the others. */
static int add(struct sources *s, const struct source_item *like)
{
	struct source_item *item = malloc(sizeof *item), **end = &s->items;
	if (!item)
		return -ENOMEM;
	*item = *like;
	item->sources = s;
	const struct source_type *type = source_type(item->source.type);
	int failed = type->open ? type->open(item) : 0;
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

int sources_add(struct sources *s, const struct uwsgi_source *source, bool loaded)
{
	if (!is_valid(source))
		return -EINVAL;
	struct source_item *known = find(s, source);
	const struct source_item fresh = { .source = *source,
					   .left = source->times ? source->times : -1,
					   .loaded = loaded };
	if (!known)
		return add(s, &fresh);
	known->old = false;
	return 0;
}

void sources_start(struct sources *s)
{
	if (s->running)
		return;
	s->running = true;
	for (struct source_item *item = s->items; item; item = item->next)
		start(item);
}

void sources_stop(struct sources *s)
{
	s->running = false;
	for (struct source_item *item = s->items; item; item = item->next)
		stop(item);
}

static void drop(struct source_item **at)
{
	struct source_item *item = *at;
	const struct source_type *type = source_type(item->source.type);
	stop(item);
	*at = item->next;
	if (type->close)
		type->close(item);
	free(item);
}

void sources_renew(struct sources *s)
{
	for (struct source_item *item = s->items; item; item = item->next)
		item->old = item->loaded;
}

void sources_renewed(struct sources *s)
{
	for (struct source_item **at = &s->items; *at;) {
		if ((*at)->old)
			drop(at);
		else
			at = &(*at)->next;
	}
}

void sources_destroy(struct sources **s)
{
	if (!*s)
		return;
	while ((*s)->items)
		drop(&(*s)->items);
	watch_files_destroy(&(*s)->files);
	free(*s);
	*s = NULL;
}

static uint64_t next_us(const struct sources *s, const struct source_item *item)
{
	const struct source_type *type = source_type(item->source.type);
	return s->running && type->next_us ? type->next_us(item) : 0;
}

void sources_each(const struct sources *s,
		  void (*fn)(const struct uwsgi_source *source, const struct source_record *record, void *data),
		  void *data)
{
	for (const struct source_item *item = s->items; item; item = item->next) {
		const struct source_record record = { item->runs, item->failures, item->last_us, next_us(s, item),
						      item->left };
		fn(&item->source, &record, data);
	}
}

void sources_close_inherited(const struct sources *s)
{
	if (s->files)
		close(watch_files_fd(s->files));
	for (const struct source_item *item = s->items; item; item = item->next)
		if (item->probe)
			probe_close_inherited(item->probe);
}

/* ---- over a reload ---- */

/* "type number next_ms period_ms timeout_ms times left loaded runs failures last_us down minute hour day month weekday
 * :path" */
int sources_keep(const struct sources *s, struct handover *handover)
{
	int n = 0, failed = 0;
	for (const struct source_item *item = s->items; item && !failed; item = item->next, n++) {
		const struct uwsgi_source *source = &item->source;
		char name[48], text[640];
		snprintf(name, sizeof name, "source of %u %d", s->generation, n);
		snprintf(text, sizeof text,
			 "%d %d %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d %" PRIu64 " %" PRIu64
			 " %" PRIu64 " %d %d %d %d %d %d :%s",
			 source->type, source->number, item->next_ms, source->period_ms, source->timeout_ms,
			 source->times, item->left, item->loaded, item->runs, item->failures, item->last_us,
			 item->probe && probe_is_down(item->probe), source->cron[0], source->cron[1], source->cron[2],
			 source->cron[3], source->cron[4], source->path);
		failed = handover_keep(handover, name, -1, text);
	}
	return failed;
}

static void claim(struct sources *s, const char *text)
{
	struct source_item item = { 0 };
	struct uwsgi_source *source = &item.source;
	int type, number, loaded, down, at = 0, cron[5];
	if (sscanf(text,
		   "%d %d %" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %d %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %d %d %d %d %d %d :%n",
		   &type, &number, &item.next_ms, &source->period_ms, &source->timeout_ms, &source->times, &item.left,
		   &loaded, &item.runs, &item.failures, &item.last_us, &down, &cron[0], &cron[1], &cron[2], &cron[3],
		   &cron[4], &at) < 17 ||
	    !at)
		return;
	item.loaded = loaded;
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
