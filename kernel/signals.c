/* signals.c - see signals.h. */
#include "signals.h"

#include "proc.h"
#include "signal_bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/api.h>
#include <uwsgi/log.h>

#define PER_TURN 16 /* signals before others of the loop get their turn */

/* What the application registered; the zygote's are inherited by all it forks. */
static struct uwsgi_fn *handlers[UWSGI_SIGNALS];

static void keep_handler(uint8_t number, struct uwsgi_fn *handler)
{
	handler->retain(handler);
	if (handlers[number])
		handlers[number]->release(handlers[number]);
	handlers[number] = handler;
}

int signal_register(struct kernel *k, uint8_t number, const char *target, struct uwsgi_fn *handler)
{
	if (!k->bus)
		return -ENOTCONN;
	bool zygote = !k->slot, known = signal_bus_registered(k->bus, number);
	if (zygote && known && handlers[number])
		return -EEXIST;
	/* a zygote in the place of one that died says the same again */
	int failed = zygote || !known ? signal_bus_register(k->bus, number, target, true) : 0;
	keep_handler(number, handler);
	uwsgi_log("[uwsgi-signal] signum %d registered (wid: %d modifier1: 0 target: %s)\n", number,
		  k->slot ? k->slot->number : 0, *target ? target : "default, any worker");
	if (failed == -ESRCH)
		uwsgi_log("[uwsgi-signal] signum %d: no process of this server answers to the target \"%s\": to raise "
			  "it is "
			  "refused\n",
			  number, target);
	return 0;
}

int signal_raise(struct kernel *k, uint8_t number)
{
	if (!k->bus)
		return -ENOTCONN;
	if (atomic_load(&k->shared->stopping))
		return -ESHUTDOWN;
	return signal_bus_raise(k->bus, number, atomic_load(&k->shared->workers));
}

int signal_queues(const struct kernel *k, int queues_r[2])
{
	int count = 0;
	if (!k->bus || !k->slot)
		return 0;
	for (int number = k->slot->number; number >= 0; number -= k->slot->number) {
		int queue = signal_bus_queue(k->bus, k->role, number);
		if (queue >= 0)
			queues_r[count++] = queue;
		if (number == 0)
			break;
	}
	return count;
}

int signal_fds(const struct kernel *k, int fds_r[2])
{
	int queues[2], count = signal_queues(k, queues);
	for (int i = 0; i < count; i++)
		fds_r[i] = signal_bus_fd(k->bus, queues[i]);
	return count;
}

static void run(struct kernel *k, uint8_t number)
{
	struct uwsgi_value *args = uwsgi_value_new_list();
	struct uwsgi_fn *handler = handlers[number];
	bool well = handler && args && uwsgi_add_int(args, NULL, number) && handler->call(handler, args, NULL) == 0;
	uwsgi_value_free(args);
	if (!well)
		uwsgi_log("error managing signal %d on %s %d%s\n", number, k->role, k->slot->number,
			  handler ? "" : ": it has no handler here");
	atomic_fetch_add(&k->slot->signals, 1);
	signal_bus_handled(k->bus, number, well);
}

int signal_handle(struct kernel *k)
{
	int queues[2], count = signal_queues(k, queues);
	for (int i = 0; i < count; i++) {
		int number = signal_bus_take(k->bus, queues[i]);
		if (number < 0)
			continue;
		run(k, (uint8_t)number);
		return number;
	}
	return -EAGAIN;
}

void signal_serve(struct kernel *k, int queue, int limit)
{
	int number;
	while (limit-- > 0 && (number = signal_bus_take(k->bus, queue)) >= 0)
		run(k, (uint8_t)number);
}

/* ---- in a loop ---- */

struct queue_watch {
	struct uwsgi_watch watch; /* first: the watch is all of it */
	struct kernel *k;
	int queue;
};

static void on_signal(struct uwsgi_watch *watch, unsigned events)
{
	const struct queue_watch *w = (const struct queue_watch *)watch;
	(void)events;
	signal_serve(w->k, w->queue, PER_TURN);
}

int signal_watch(struct kernel *k)
{
	static struct queue_watch watches[2]; /* a process has no more queues */
	int queues[2], count = signal_queues(k, queues);
	for (int i = 0; i < count; i++) {
		watches[i] =
			(struct queue_watch){ { signal_bus_fd(k->bus, queues[i]), on_signal, NULL }, k, queues[i] };
		int failed = uwsgi_loop_add(k->loop, &watches[i].watch, UWSGI_READ);
		if (failed)
			return failed;
		signal_bus_nudge(k->bus, queues[i]);
	}
	return 0;
}
