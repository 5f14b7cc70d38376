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

bool source_is_valid(const struct uwsgi_source *source)
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

/* Add one like `like`, behind the others; what that has allocated is taken over. */
static int append(struct sources *s, const struct source_item *like, struct source_item **item_r)
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
	*item_r = item;
	return 0;
}

static int add_loader(struct source_item *item, const struct source_loader *loader)
{
	for (size_t i = 0; i < item->loader_count; i++)
		if (item->loaders[i].place == loader->place) {
			item->loaders[i] = *loader;
			return 0;
		}
	struct source_loader *all = reallocarray(item->loaders, item->loader_count + 1, sizeof *all);
	if (!all)
		return -ENOMEM;
	item->loaders = all;
	all[item->loader_count++] = *loader;
	return 0;
}

/* Remove the predecessor of a loader.  False: it was not there. */
static bool remove_predecessor(struct source_item *item, const struct source_loader *loader)
{
	for (size_t i = 0; i < item->loader_count; i++)
		if (item->loaders[i].place == loader->place && item->loaders[i].pid != loader->pid) {
			item->loaders[i] = item->loaders[--item->loader_count];
			return true;
		}
	return false;
}

int sources_add(struct sources *s, const struct uwsgi_source *source, const struct source_loader *loader)
{
	if (!source_is_valid(source))
		return -EINVAL;
	struct source_item *item = find(s, source);
	const struct source_item fresh = { .source = *source, .left = source->times ? source->times : -1 };
	int failed = item ? 0 : append(s, &fresh, &item);
	if (failed)
		return failed;
	if (loader)
		return add_loader(item, loader);
	item->lasting = true;
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
	free(item->loaders);
	free(item);
}

void sources_loaded(struct sources *s, const struct source_loader *loader)
{
	for (struct source_item **at = &s->items; *at;) {
		struct source_item *item = *at;
		if (remove_predecessor(item, loader) && !item->loader_count && !item->lasting)
			drop(at);
		else
			at = &item->next;
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

/* "type number next_ms period_ms timeout_ms times left runs failures last_us down minute hour day month weekday lasting
 * place pid place pid ...:path".  NULL: out of memory. */
static char *text_of(const struct source_item *item)
{
	const struct uwsgi_source *source = &item->source;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fprintf(out,
		"%d %d %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		" %d %d %d %d %d %d %d",
		source->type, source->number, item->next_ms, source->period_ms, source->timeout_ms, source->times,
		item->left, item->runs, item->failures, item->last_us, item->probe && probe_is_down(item->probe),
		source->cron[0], source->cron[1], source->cron[2], source->cron[3], source->cron[4], item->lasting);
	for (size_t i = 0; i < item->loader_count; i++)
		fprintf(out, " %d %d", item->loaders[i].place, (int)item->loaders[i].pid);
	fprintf(out, ":%s", source->path);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static void name_of(char name[48], const struct sources *s, int n)
{
	snprintf(name, 48, "source of %u %d", s->generation, n);
}

int sources_keep(const struct sources *s, struct handover *handover)
{
	int n = 0, failed = 0;
	for (const struct source_item *item = s->items; item && !failed; item = item->next, n++) {
		char name[48], *text = text_of(item);
		name_of(name, s, n);
		failed = text ? handover_keep(handover, name, -1, text) : -ENOMEM;
		free(text);
	}
	return failed;
}

/* What text_of has written.  False: something else. */
static bool read_text(const char *text, struct source_item *item)
{
	struct uwsgi_source *source = &item->source;
	int type, number, down, lasting, cron[5], at = 0;
	if (sscanf(text,
		   "%d %d %" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %d %d %d %d %d %d %d%n",
		   &type, &number, &item->next_ms, &source->period_ms, &source->timeout_ms, &source->times, &item->left,
		   &item->runs, &item->failures, &item->last_us, &down, &cron[0], &cron[1], &cron[2], &cron[3],
		   &cron[4], &lasting, &at) < 17)
		return false;
	struct source_loader loader;
	for (int more; sscanf(text + at, " %d %d%n", &loader.place, &loader.pid, &more) == 2; at += more)
		if (add_loader(item, &loader))
			return false;
	item->down = down;
	item->lasting = lasting;
	source->type = (uint8_t)type;
	source->number = (uint8_t)number;
	for (int i = 0; i < 5; i++)
		source->cron[i] = (int16_t)cron[i];
	if (text[at] != ':')
		return false;
	snprintf(source->path, sizeof source->path, "%s", text + at + 1);
	return source_is_valid(source);
}

void sources_claim(struct sources *s, struct handover *handover)
{
	const char *text;
	for (int n = 0;; n++) {
		char name[48];
		struct source_item kept = { 0 }, *item;
		name_of(name, s, n);
		if (!handover_claim(handover, name, NULL, &text))
			return;
		if (!read_text(text, &kept) || append(s, &kept, &item))
			free(kept.loaders);
		handover_drop(handover, name);
	}
}
