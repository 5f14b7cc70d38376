/* signal_bus.c - see signal_bus.h. */
#include "signal_bus.h"

#include "handover.h"
#include "signal_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uwsgi/loop.h>

#define TARGET_SIZE 64

struct number {
	_Atomic int owner;  /* SIGNAL_OF_NOBODY: it is free */
	_Atomic bool known; /* ... and registered it */
	char target[TARGET_SIZE];
	struct signal_target to;
	_Atomic uint64_t raised, handled, failed, refused, last_us;
};

/* The kinds lie behind the queues. */
struct shared {
	bool made;
	int queue_count, kind_count;
	struct number numbers[UWSGI_SIGNALS];
	struct signal_queue queues[];
};

struct signal_bus {
	unsigned generation;
	struct shared *shared;
	struct signal_kind *kinds; /* in it */
	size_t size;
	int *wake; /* an eventfd for each queue */
};

/* ---- targets ---- */

/* "2" of "worker2"; -1 when it is no number. */
static long number_behind(const char *text, const char *name)
{
	size_t n = strlen(name);
	if (strncmp(text, name, n))
		return -1;
	const char *digits = text + n;
	if (!*digits)
		return 0;
	return strspn(digits, "0123456789") == strlen(digits) && strlen(digits) < 6 ? atol(digits) : -1;
}

static bool is_each(const char *text, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(text, name, n) && !strcmp(text + n, "s");
}

struct signal_target signal_target_parse(const char *text, const struct signal_kind *kinds, int count)
{
	const struct signal_target nobody = { SIGNAL_NOBODY, 0, 0 };
	if (!*text && count)
		return (struct signal_target){ SIGNAL_ANY, 0, 0 };
	if (!strncmp(text, "active-", 7) && text[7])
		text += 7; /* nothing is sent to those that are not */
	for (int kind = 0; kind < count; kind++) {
		if (kinds[kind].is_group) {
			if (!strcmp(text, kinds[kind].name) || !strcmp(text, kinds[kind].also))
				return (struct signal_target){ SIGNAL_ANY, kind, 0 };
			continue;
		}
		long number = number_behind(text, kinds[kind].name);
		if (is_each(text, kinds[kind].name))
			return (struct signal_target){ SIGNAL_EACH, kind, 0 };
		if (number == 0)
			return (struct signal_target){ SIGNAL_ANY, kind, 0 };
		if (number > 0)
			return number <= kinds[kind].count ? (struct signal_target){ SIGNAL_ONE, kind, (int)number }
							   : nobody;
	}
	return nobody;
}

/* ---- made, handed over, gone ---- */

static void item_name(char name[48], const char *what, unsigned generation, int queue)
{
	snprintf(name, 48, "%s %u %d", what, generation, queue);
}

static struct signal_bus *map(struct handover *handover, unsigned generation, int queues, int kinds)
{
	char name[48];
	struct signal_bus *bus = calloc(1, sizeof *bus);
	if (!bus)
		return NULL;
	bus->generation = generation;
	bus->size = sizeof *bus->shared + (size_t)queues * sizeof(struct signal_queue) +
		    (size_t)kinds * sizeof(struct signal_kind);
	bus->wake = malloc((size_t)queues * sizeof *bus->wake);
	for (int i = 0; i < queues && bus->wake; i++)
		bus->wake[i] = -1;
	snprintf(name, sizeof name, "signals %u", generation);
	bus->shared = bus->wake ? handover_memory(handover, name, bus->size) : NULL;
	if (bus->shared) {
		bus->kinds = (struct signal_kind *)(bus->shared->queues + queues);
		return bus;
	}
	free(bus->wake);
	free(bus);
	return NULL;
}

static int open_wakes(struct signal_bus *bus, struct handover *handover)
{
	char name[48];
	for (int i = 0; i < bus->shared->queue_count; i++) {
		item_name(name, "wake", bus->generation, i);
		if (handover && handover_claim(handover, name, &bus->wake[i], NULL))
			continue;
		bus->wake[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (bus->wake[i] == -1)
			return -errno;
		if (handover && handover_keep(handover, name, bus->wake[i], ""))
			return -ENOMEM;
	}
	return 0;
}

static void lay_out(struct signal_bus *bus, const struct signal_kind *kinds, int count)
{
	struct shared *s = bus->shared;
	for (int i = 0; i < count; i++) {
		bus->kinds[i] = kinds[i];
		bus->kinds[i].first = s->queue_count;
		s->queue_count += 1 + kinds[i].count;
	}
	s->kind_count = count;
	for (int i = 0; i < s->queue_count; i++)
		signal_queue_init(&s->queues[i]);
	s->made = true;
}

struct signal_bus *signal_bus_create(struct handover *handover, unsigned generation, const struct signal_kind *kinds,
				     int count)
{
	char name[48], text[32];
	int queues = 0;
	for (int i = 0; i < count; i++)
		queues += 1 + kinds[i].count;
	struct signal_bus *bus = map(handover, generation, queues, count);
	if (!bus)
		return NULL;
	lay_out(bus, kinds, count);
	snprintf(name, sizeof name, "queues of %u", generation);
	snprintf(text, sizeof text, "%d %d", queues, count);
	if (open_wakes(bus, handover) == 0 && (!handover || handover_keep(handover, name, -1, text) == 0))
		return bus;
	signal_bus_destroy(&bus, handover);
	return NULL;
}

struct signal_bus *signal_bus_claim(struct handover *handover, unsigned generation)
{
	char name[48];
	const char *text;
	int queues, kinds;
	snprintf(name, sizeof name, "queues of %u", generation);
	if (!handover_claim(handover, name, NULL, &text) || sscanf(text, "%d %d", &queues, &kinds) != 2)
		return NULL;
	struct signal_bus *bus = map(handover, generation, queues, kinds);
	if (!bus)
		return NULL;
	if (bus->shared->made && open_wakes(bus, handover) == 0)
		return bus;
	signal_bus_destroy(&bus, handover);
	return NULL;
}

void signal_bus_destroy(struct signal_bus **bus, struct handover *handover)
{
	char name[48];
	struct signal_bus *b = *bus;
	if (!b)
		return;
	for (int i = 0; i < b->shared->queue_count; i++) {
		if (b->wake[i] != -1)
			close(b->wake[i]);
		item_name(name, "wake", b->generation, i);
		if (handover)
			handover_drop(handover, name);
	}
	if (handover) {
		snprintf(name, sizeof name, "queues of %u", b->generation);
		handover_drop(handover, name);
		snprintf(name, sizeof name, "signals %u", b->generation);
		handover_forget_memory(handover, name);
	}
	munmap(b->shared, b->size);
	free(b->wake);
	free(b);
	*bus = NULL;
}

/* ---- register and raise ---- */

int signal_bus_owner(const struct signal_bus *bus, uint8_t number)
{
	return atomic_load(&bus->shared->numbers[number].owner);
}

int signal_bus_reserve(struct signal_bus *bus, uint8_t number, int owner)
{
	int has_it = SIGNAL_OF_NOBODY;
	return atomic_compare_exchange_strong(&bus->shared->numbers[number].owner, &has_it, owner) ? owner : has_it;
}

int signal_bus_register(struct signal_bus *bus, uint8_t number, const char *target)
{
	struct number *n = &bus->shared->numbers[number];
	snprintf(n->target, sizeof n->target, "%s", target);
	n->to = signal_target_parse(target, bus->kinds, bus->shared->kind_count);
	assert(atomic_load(&n->owner) != SIGNAL_OF_NOBODY);
	atomic_store(&n->known, true);
	return n->to.scope == SIGNAL_NOBODY ? -ESRCH : 0;
}

static void wake(struct signal_bus *bus, int queue)
{
	uint64_t one = 1;
	(void)!write(bus->wake[queue], &one, sizeof one);
}

static int put(struct signal_bus *bus, struct number *n, uint8_t number, int queue)
{
	if (!signal_queue_put(&bus->shared->queues[queue], number)) {
		atomic_fetch_add(&n->refused, 1);
		return -EAGAIN;
	}
	atomic_fetch_add(&n->raised, 1);
	wake(bus, queue);
	return 0;
}

int signal_bus_raise(struct signal_bus *bus, uint8_t number, int workers)
{
	struct number *n = &bus->shared->numbers[number];
	if (!atomic_load(&n->known) || n->to.scope == SIGNAL_NOBODY) {
		atomic_fetch_add(&n->refused, 1);
		return -ENOENT;
	}
	const struct signal_kind *kind = &bus->kinds[n->to.kind];
	int first = kind->first, count = kind->count;
	if (n->to.kind == 0 && workers < count)
		count = workers; /* the others are cheaped */
	if ((count == 0 && !kind->is_group) || (n->to.scope == SIGNAL_ONE && n->to.number > count)) {
		atomic_fetch_add(&n->refused, 1);
		return -ENOENT;
	}
	if (n->to.scope == SIGNAL_ANY)
		return put(bus, n, number, first);
	if (n->to.scope == SIGNAL_ONE)
		return put(bus, n, number, first + n->to.number);
	int result = 0;
	for (int i = 1; i <= count; i++) {
		int failed = put(bus, n, number, first + i);
		result = failed ? failed : result;
	}
	return result;
}

/* ---- take ---- */

int signal_bus_queue(const struct signal_bus *bus, const char *kind, int number)
{
	for (int i = 0; i < bus->shared->kind_count; i++)
		if (!strcmp(bus->kinds[i].name, kind))
			return number <= bus->kinds[i].count ? bus->kinds[i].first + number : -1;
	return -1;
}

int signal_bus_fd(const struct signal_bus *bus, int queue)
{
	return bus->wake[queue];
}

unsigned signal_bus_waiting(const struct signal_bus *bus, int queue)
{
	unsigned sum = 0;
	if (queue >= 0)
		return signal_queue_length(&bus->shared->queues[queue]);
	for (int i = 0; i < bus->shared->queue_count; i++)
		sum += signal_queue_length(&bus->shared->queues[i]);
	return sum;
}

void signal_bus_nudge(struct signal_bus *bus, int queue)
{
	if (!signal_queue_is_empty(&bus->shared->queues[queue]))
		wake(bus, queue);
}

int signal_bus_take(struct signal_bus *bus, int queue)
{
	uint64_t wakes;
	(void)!read(bus->wake[queue], &wakes, sizeof wakes);
	int number = signal_queue_take(&bus->shared->queues[queue]);
	if (number >= 0)
		signal_bus_nudge(bus, queue);
	return number;
}

void signal_bus_handled(struct signal_bus *bus, uint8_t number, bool well)
{
	struct number *n = &bus->shared->numbers[number];
	atomic_fetch_add(well ? &n->handled : &n->failed, 1);
	atomic_store(&n->last_us, uwsgi_micros());
}

int signal_bus_get(const struct signal_bus *bus, uint8_t number, struct uwsgi_signal_info *info_r)
{
	const struct number *n = &bus->shared->numbers[number];
	if (!atomic_load(&n->known) && !n->refused)
		return -ENOENT;
	snprintf(info_r->target, sizeof info_r->target, "%s", n->target);
	info_r->raised = n->raised;
	info_r->handled = n->handled;
	info_r->failed = n->failed;
	info_r->refused = n->refused;
	info_r->last_us = n->last_us;
	return 0;
}
