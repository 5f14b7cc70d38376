/* signals.c - see signals.h. */
#include "signals.h"

#include "proc.h"
#include "signal_bus.h"
#include "signal_group.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uwsgi/api.h>
#include <uwsgi/log.h>
#include <uwsgi/task.h>

#define PER_TURN 16 /* signals before others of the loop get their turn */

/* What the application registered; the zygote's are inherited by all it forks.  One that is replaced is not released:
 * it may be running on another thread. */
static struct uwsgi_fn *_Atomic handlers[UWSGI_SIGNALS];

static void keep_handler(uint8_t number, struct uwsgi_fn *handler)
{
	handler->retain(handler);
	atomic_store(&handlers[number], handler);
}

static bool has_handler(uint8_t number)
{
	return atomic_load(&handlers[number]) != NULL;
}

/* For signal_bus_owner: who registers now?  A successor in the same place is the same. */
static int me(const struct kernel *k)
{
	return k->loading || !k->slot ? SIGNAL_OF_APPLICATION : SIGNAL_OF_PLACES + proc_place(k->slot);
}

bool signal_is_registered(const struct kernel *k, uint8_t number)
{
	int owner = k->bus ? signal_bus_owner(k->bus, number) : SIGNAL_OF_NOBODY;
	return owner != SIGNAL_OF_NOBODY && (has_handler(number) || owner != me(k));
}

int signal_get_free(struct kernel *k)
{
	if (!k->bus)
		return -ENOTCONN;
	for (int number = 0; number < UWSGI_SIGNALS; number++)
		if (!signal_is_registered(k, (uint8_t)number) &&
		    signal_bus_reserve(k->bus, (uint8_t)number, me(k)) == me(k))
			return number;
	return -ENOSPC;
}

/* Targets of 2.0 that are other servers: for a plugin that brings them. */
static const char *const other_servers[] = { "cluster", "subscribed", NULL };

static bool is_other_server(const char *target)
{
	for (const char *const *name = other_servers; *name; name++)
		if (!strcmp(*name, target))
			return true;
	return false;
}

int signal_register(struct kernel *k, uint8_t number, const char *target, struct uwsgi_fn *handler)
{
	if (!k->bus)
		return -ENOTCONN;
	if (!k->slot && has_handler(number))
		return -EEXIST;
	bool is_mine = signal_bus_reserve(k->bus, number, me(k)) == me(k);
	int failed = is_mine ? signal_bus_register(k->bus, number, target) : 0;
	keep_handler(number, handler);
	uwsgi_log("[uwsgi-signal] signum %d registered (wid: %d modifier1: 0 target: %s)\n", number,
		  k->slot ? k->slot->number : 0, *target ? target : "default, any worker");
	if (failed == -ESRCH)
		uwsgi_log("[uwsgi-signal] signum %d: %s the target \"%s\": to raise it is refused\n", number,
			  is_other_server(target) ? "no plugin is loaded that reaches other servers, which are"
						  : "no process of this server answers to",
			  target);
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

/* ---- what waits for this process ---- */

/* The queues of this process, for ever the same. */
static struct {
	pthread_once_t once;
	const struct kernel *_Atomic k;
	int *v, count; /* count -ENOMEM: there was no room for the list */
	int fd;	       /* readable when one of them may have something; -1: nobody has asked */
} mine = { .once = PTHREAD_ONCE_INIT, .fd = -1 };

static void add_queue(const char *name, int number)
{
	int queue = signal_bus_queue(mine.k->bus, name, number);
	if (queue >= 0)
		mine.v[mine.count++] = queue;
}

static void list_queues(void)
{
	const struct kernel *k = mine.k;
	const struct signal_group *group;
	mine.v = calloc(2 + (size_t)signal_groups_count(k->groups), sizeof *mine.v);
	if (!mine.v) {
		mine.count = -ENOMEM;
		return;
	}
	add_queue(k->role, k->slot->number);
	add_queue(k->role, 0);
	for (int i = 0; (group = signal_groups_at(k->groups, i)); i++)
		if (signal_group_has(group, k->role, k->slot->number))
			add_queue(group->name, 0);
}

int signal_queues(const struct kernel *k, const int **queues_r)
{
	if (!k->bus || !k->slot)
		return 0;
	mine.k = k;
	pthread_once(&mine.once, list_queues);
	*queues_r = mine.v;
	return mine.count;
}

static int watch_all(const struct kernel *k, const int *queues, int count)
{
	int all = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < count && all != -1; i++) {
		struct epoll_event event = { .events = EPOLLIN };
		if (epoll_ctl(all, EPOLL_CTL_ADD, signal_bus_fd(k->bus, queues[i]), &event) == -1) {
			close(all);
			return -1;
		}
	}
	return all;
}

int signal_fd(const struct kernel *k)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	const int *queues;
	int count = signal_queues(k, &queues);
	if (count <= 0)
		return count ? count : -ENOTCONN;
	pthread_mutex_lock(&lock);
	if (mine.fd == -1)
		mine.fd = watch_all(k, queues, count);
	int fd = mine.fd == -1 ? -errno : mine.fd;
	pthread_mutex_unlock(&lock);
	return fd;
}

static void run(struct kernel *k, uint8_t number)
{
	struct uwsgi_value *args = uwsgi_value_new_list();
	struct uwsgi_fn *handler = atomic_load(&handlers[number]);
	uwsgi_task_begin("the handler of signal %d", number);
	bool well = handler && args && uwsgi_add_int(args, NULL, number) && handler->call(handler, args, NULL) == 0;
	uwsgi_task_end();
	uwsgi_value_free(args);
	if (!well)
		uwsgi_log("error managing signal %d on %s %d%s\n", number, k->role, k->slot->number,
			  handler ? "" : ": it has no handler here");
	atomic_fetch_add(&k->slot->signals, 1);
	if (!well)
		atomic_fetch_add(&k->slot->signal_failures, 1);
	atomic_store(&k->slot->last_signal_us, uwsgi_micros());
	signal_bus_handled(k->bus, number, well);
}

int signal_handle(struct kernel *k)
{
	const int *queues;
	int count = signal_queues(k, &queues);
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
	const int *queues;
	int count = signal_queues(k, &queues);
	if (count < 0)
		return count;
	struct queue_watch *watches = calloc((size_t)count + 1, sizeof *watches); /* for the life of the process */
	if (!watches)
		return -ENOMEM;
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
