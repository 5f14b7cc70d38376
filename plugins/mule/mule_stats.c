/* mule_stats.c - what each mule has done: for programs, and for the server's statistics. */
#include "mule.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Of one mule, over its deaths and over reloads; in shared memory. */
struct figures {
	_Atomic uint64_t messages, failures; /* taken; whose handler raised */
	_Atomic uint64_t last_us;	     /* of the epoch, the last one taken; 0: none */
};
static struct figures *figures; /* [number - 1] */

int mule_stats_open(int count)
{
	figures = uwsgi_shm_keep("mule figures", (size_t)count * sizeof *figures);
	return figures ? 0 : -ENOMEM;
}

void mule_stats_took(int number)
{
	atomic_fetch_add(&figures[number - 1].messages, 1);
	atomic_store(&figures[number - 1].last_us, uwsgi_micros());
}

void mule_stats_failed(int number)
{
	atomic_fetch_add(&figures[number - 1].failures, 1);
}

/* Signals and messages are both its runs. */
static void describe(struct uwsgi_value *map, int number)
{
	const struct figures *f = &figures[number - 1];
	struct uwsgi_proc_info info = { 0 };
	struct message_queue_info queue;
	uwsgi_proc_get("mule", number, &info, sizeof info);
	message_queue_get(mules()->queues[number], &queue);
	uint64_t last = atomic_load(&f->last_us);
	last = last > info.last_signal_us ? last : info.last_signal_us;
	uwsgi_add_int(map, "id", number);
	uwsgi_add_int(map, "pid", info.pid);
	uwsgi_add_int(map, "respawns", (int64_t)info.respawns);
	uwsgi_add_int(map, "signals", (int64_t)info.signals);
	uwsgi_add_int(map, "messages", (int64_t)atomic_load(&f->messages));
	uwsgi_add_int(map, "waiting_bytes", (int64_t)queue.bytes);
	uwsgi_add_int(map, "refused", (int64_t)queue.refused);
	uwsgi_add_int(map, "runs", (int64_t)(info.signals + atomic_load(&f->messages)));
	uwsgi_add_int(map, "failures", (int64_t)(info.signal_failures + atomic_load(&f->failures)));
	uwsgi_add_float(map, "last", (double)(last / 1000) / 1000);
}

static void describe_all(struct uwsgi_value *list)
{
	for (int number = 1; number <= mules()->count; number++)
		describe(uwsgi_add_map(list, NULL), number);
}

void mule_stats(struct uwsgi_value *stats)
{
	if (mules()->count)
		describe_all(uwsgi_add_list(stats, "mules"));
}

int mule_api_mules(struct uwsgi_call *c)
{
	describe_all(uwsgi_ret_list(c));
	return 0;
}
