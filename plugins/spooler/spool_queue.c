/* spool_queue.c - see spool_queue.h.  Two heaps (what may run, what waits for its time) and a hash of the paths. */
#include "spool_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool_file.h"
#include "spool_hash.h"

#define FIRST_SIZE 256

typedef bool before_fn(const struct spool_entry *a, const struct spool_entry *b);

struct heap {
	struct spool_entry **v;
	size_t n, room;
	before_fn *before;
};

struct spool_queue {
	struct heap ready, waiting;
	struct spool_entry **table;
	size_t size, known; /* the size is a power of two */
	uint64_t told;
};

/* ---- order ---- */

static bool by_arrival(const struct spool_entry *a, const struct spool_entry *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->order < b->order;
}

static bool by_name(const struct spool_entry *a, const struct spool_entry *b)
{
	return a->priority != b->priority ? a->priority < b->priority : strverscmp(a->path, b->path) < 0;
}

static bool by_due(const struct spool_entry *a, const struct spool_entry *b)
{
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}

/* ---- heaps ---- */

/* Each heap has room for every known task, so that moving between them needs no memory. */
static int heap_reserve(struct heap *heap, size_t n)
{
	if (n <= heap->room)
		return 0;
	struct spool_entry **v = reallocarray(heap->v, 2 * n, sizeof *v);
	if (!v)
		return -ENOMEM;
	heap->v = v;
	heap->room = 2 * n;
	return 0;
}

static void heap_push(struct heap *heap, struct spool_entry *entry)
{
	assert(heap->n < heap->room);
	size_t i = heap->n++;
	for (; i && heap->before(entry, heap->v[(i - 1) / 2]); i = (i - 1) / 2)
		heap->v[i] = heap->v[(i - 1) / 2];
	heap->v[i] = entry;
}

static struct spool_entry *heap_pop(struct heap *heap)
{
	struct spool_entry *top = heap->v[0], *last = heap->v[--heap->n];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < heap->n; i = child) {
		if (child + 1 < heap->n && heap->before(heap->v[child + 1], heap->v[child]))
			child++;
		if (!heap->before(heap->v[child], last))
			break;
		heap->v[i] = heap->v[child];
	}
	heap->v[i] = last;
	return top;
}

/* ---- the table ---- */

static struct spool_entry **find(const struct spool_queue *queue, const char *path)
{
	struct spool_entry **at = &queue->table[spool_hash(path) & (queue->size - 1)];
	while (*at && strcmp((*at)->path, path))
		at = &(*at)->next;
	return at;
}

static int grow(struct spool_queue *queue)
{
	struct spool_entry **old = queue->table;
	size_t size = queue->size;
	queue->table = calloc(2 * size, sizeof *queue->table);
	if (!queue->table) {
		queue->table = old;
		return -ENOMEM;
	}
	queue->size = 2 * size;
	for (size_t i = 0; i < size; i++)
		for (struct spool_entry *entry = old[i], *next; entry; entry = next) {
			struct spool_entry **at = &queue->table[spool_hash(entry->path) & (queue->size - 1)];
			next = entry->next;
			entry->next = *at;
			*at = entry;
		}
	free(old);
	return 0;
}

/* ---- the queue ---- */

struct spool_queue *spool_queue_create(bool ordered)
{
	struct spool_queue *queue = calloc(1, sizeof *queue);
	if (!queue)
		return NULL;
	queue->ready.before = ordered ? by_name : by_arrival;
	queue->waiting.before = by_due;
	queue->size = FIRST_SIZE;
	queue->table = calloc(queue->size, sizeof *queue->table);
	if (!queue->table)
		spool_queue_destroy(&queue);
	return queue;
}

void spool_queue_destroy(struct spool_queue **queue)
{
	struct spool_queue *q = *queue;
	if (!q)
		return;
	for (size_t i = 0; q->table && i < q->size; i++)
		for (struct spool_entry *entry = q->table[i], *next; entry; entry = next) {
			next = entry->next;
			free(entry);
		}
	free(q->table);
	free(q->ready.v);
	free(q->waiting.v);
	free(q);
	*queue = NULL;
}

static int64_t priority_of_path(const char *path)
{
	char name[16];
	size_t n = strcspn(path, "/");
	if (!path[n] || n >= sizeof name)
		return INT64_MAX;
	memcpy(name, path, n);
	name[n] = 0;
	int64_t priority = spool_priority_of(name);
	return priority < 0 ? INT64_MAX : priority;
}

int spool_queue_add(struct spool_queue *queue, const char *path)
{
	if (*find(queue, path))
		return 0;
	if (queue->known == queue->size && grow(queue))
		return -ENOMEM;
	size_t n = strlen(path) + 1;
	struct spool_entry *entry = calloc(1, sizeof *entry + n);
	if (!entry || heap_reserve(&queue->ready, queue->known + 1) ||
	    heap_reserve(&queue->waiting, queue->known + 1)) {
		free(entry);
		return -ENOMEM;
	}
	memcpy(entry->path, path, n);
	entry->priority = priority_of_path(path);
	entry->order = queue->told++;
	*find(queue, path) = entry;
	queue->known++;
	heap_push(&queue->ready, entry);
	return 1;
}

struct spool_entry *spool_queue_take(struct spool_queue *queue, int64_t now)
{
	while (queue->waiting.n && queue->waiting.v[0]->due <= now)
		heap_push(&queue->ready, heap_pop(&queue->waiting));
	return queue->ready.n ? heap_pop(&queue->ready) : NULL;
}

void spool_queue_wait(struct spool_queue *queue, struct spool_entry *entry, int64_t due)
{
	entry->due = due;
	heap_push(&queue->waiting, entry);
}

void spool_queue_forget(struct spool_queue *queue, struct spool_entry *entry)
{
	struct spool_entry **at = find(queue, entry->path);
	assert(*at == entry);
	*at = entry->next;
	queue->known--;
	free(entry);
}

int64_t spool_queue_next(const struct spool_queue *queue)
{
	if (queue->ready.n)
		return 0;
	return queue->waiting.n ? queue->waiting.v[0]->due : SPOOL_NEVER;
}

size_t spool_queue_size(const struct spool_queue *queue)
{
	return queue->known;
}
