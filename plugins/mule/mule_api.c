/* mule_api.c - the API functions of mules and farms. */
#include "mule.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static int send_to(struct uwsgi_call *c, int queue, struct uwsgi_str message)
{
	static struct uwsgi_log_seldom refused;
	const struct mules *m = mules();
	if (message.n > m->message_max)
		return uwsgi_fail(c, UWSGI_EVALUE, "the message has %zu bytes, mule-msg-size allows %zu", message.n,
				  m->message_max);
	int failed = message_queue_put(m->queues[queue], message.p, message.n);
	if (failed)
		uwsgi_log_seldom(&refused,
				 "*** MULE MSG QUEUE IS FULL: a message of %zu bytes is refused "
				 "(mule-queue-size) ***",
				 message.n);
	uwsgi_ret_bool(c, !failed);
	return 0;
}

static int mule_msg(struct uwsgi_call *c)
{
	const struct mules *m = mules();
	struct uwsgi_str message = uwsgi_arg_str(c, 0);
	enum uwsgi_type type = uwsgi_value_type(&c->args[1]);
	if (!m->count)
		return uwsgi_fail(c, UWSGI_EVALUE, "no mule configured");
	if (type == UWSGI_T_BYTES || type == UWSGI_T_STR) {
		int farm = farm_find(m, uwsgi_arg_str(c, 1).p);
		return farm < 0 ? uwsgi_fail(c, UWSGI_EVALUE, "unknown farm")
				: send_to(c, 1 + m->count + farm, message);
	}
	int64_t number = type == UWSGI_T_INT || type == UWSGI_T_BOOL ? uwsgi_value_int(&c->args[1]) : -1;
	if (number < 0 || number > m->count)
		return uwsgi_fail(c, UWSGI_EVALUE, "invalid mule");
	return send_to(c, (int)number, message);
}

static int farm_msg(struct uwsgi_call *c)
{
	const struct mules *m = mules();
	int farm = farm_find(m, uwsgi_arg_str(c, 0).p);
	if (farm < 0)
		return uwsgi_fail(c, UWSGI_EVALUE, "unknown farm");
	return send_to(c, 1 + m->count + farm, uwsgi_arg_str(c, 1));
}

/* ---- receiving ---- */

static int wait_ms(uint64_t deadline)
{
	uint64_t now = uwsgi_now_ms();
	if (!deadline)
		return -1;
	return deadline <= now ? 0 : deadline - now < INT_MAX ? (int)(deadline - now) : INT_MAX;
}

struct waiting {
	const struct mailbox *boxes[2]; /* NULL: not asked for */
	bool signals;
	size_t max;	 /* bytes of a message that are wanted; 0: all */
	int64_t seconds; /* -1: for ever */
};

/* What a program took is its own business from then on.  1, 0: there is none, or a negative errno. */
static int take(struct uwsgi_call *c, const struct waiting *w)
{
	struct message_queue *queue;
	struct message message;
	int taken = 0;
	for (int i = 0; i < 2 && !taken; i++)
		taken = w->boxes[i] ? mailbox_take(w->boxes[i], &queue, &message) : 0;
	if (taken <= 0)
		return taken;
	mule_stats_took(mule_my_number());
	uwsgi_ret_bytes(c, message.text, w->max && message.len > w->max ? w->max : message.len);
	message_queue_done(queue, &message);
	return 1;
}

/* With signals, None after one was handled; the first message; b'' when the time is over.  Signals come first: a
 * program whose queue is never empty has timers, too. */
static int receive(struct uwsgi_call *c, const struct waiting *w)
{
	struct pollfd polls[3];
	bool for_ever = w->seconds < 0 || w->seconds > INT32_MAX;
	uint64_t deadline = for_ever ? 0 : uwsgi_now_ms() + (uint64_t)w->seconds * 1000;
	for (int i = 0; i < 2; i++)
		polls[i] = (struct pollfd){ .fd = w->boxes[i] ? w->boxes[i]->fd : -1, .events = POLLIN };
	polls[2] = (struct pollfd){ .fd = w->signals ? uwsgi_signal_fd() : -1, .events = POLLIN };
	for (;;) {
		if (w->signals && uwsgi_signal_handle() >= 0)
			return 0;
		int taken = take(c, w);
		if (taken < 0)
			return uwsgi_fail(c, UWSGI_ERUNTIME, "memory is out: the message stays in its queue");
		if (taken)
			return 0;
		if (wait_ms(deadline) == 0) {
			uwsgi_ret_bytes(c, "", 0);
			return 0;
		}
		if (poll(polls, 3, wait_ms(deadline)) == -1 && errno != EINTR)
			return uwsgi_fail(c, UWSGI_EOS, "waiting for a message: %s", strerror(errno));
	}
}

static int mule_get_msg(struct uwsgi_call *c)
{
	int64_t max = uwsgi_arg_int(c, 2);
	struct waiting waiting = {
		.boxes = { mule_own_box(), uwsgi_arg_bool(c, 1) ? mule_farm_box() : NULL },
		.signals = uwsgi_arg_bool(c, 0),
		.max = max > 0 ? (size_t)max : 0,
		.seconds = uwsgi_arg_int(c, 3),
	};
	if (!mule_my_number())
		return uwsgi_fail(c, UWSGI_EVALUE, "you can receive mule messages only in a mule !!!");
	return receive(c, &waiting);
}

static int farm_get_msg(struct uwsgi_call *c)
{
	struct waiting waiting = { .boxes = { mule_farm_box(), NULL }, .seconds = -1 };
	if (!mule_my_number())
		return uwsgi_fail(c, UWSGI_EVALUE, "you can receive farm messages only in a mule !!!");
	return receive(c, &waiting);
}

/* ---- about them ---- */

static int mule_id(struct uwsgi_call *c)
{
	uwsgi_ret_int(c, mule_my_number());
	return 0;
}

static int in_farm(struct uwsgi_call *c)
{
	const struct mules *m = mules();
	struct uwsgi_str name = uwsgi_arg_str(c, 0);
	int number = mule_my_number(), farm = name.n ? farm_find(m, name.p) : -1;
	bool in = number && farm >= 0 && m->farms[farm].members[number];
	for (int i = 0; number && !name.n && i < m->farm_count; i++)
		in |= m->farms[i].members[number];
	if (in)
		uwsgi_ret_bool(c, true);
	return 0;
}

/* clang-format off */
const struct uwsgi_api_fn mule_api[] = {
	{ "mule_msg", "(message: text, mule: any = 0) -> bool", "Send a message to a mule by its number, to a farm by its name, or (0) to the first mule that is free. True when it is in its queue, False when it was refused because that is full.", mule_msg, 0 },
	{ "farm_msg", "(farm: text, message: text) -> bool", "Send a message to one mule of a farm. True when it is in the queue, False when that is full.", farm_msg, 0 },
	{ "mule_get_msg", "(signals: bool = True, farms: bool = True, buffer_size: int = 0, timeout: int = -1) -> bytes | None", "Wait for a message of this mule, of any mule, or of its farms; b'' after `timeout` seconds, None after a signal was handled. With a buffer_size longer messages are cut.", mule_get_msg, UWSGI_FN_BLOCKS },
	{ "farm_get_msg", "() -> bytes", "Wait for a message of a farm this mule belongs to.", farm_get_msg, UWSGI_FN_BLOCKS },
	{ "mule_id", "() -> int", "Number of this mule from 1, 0 in any other process.", mule_id, 0 },
	{ "in_farm", "(farm: text = '') -> bool | None", "True when this mule belongs to that farm, or to any; else None.", in_farm, 0 },
	{ "mules", "() -> list", "One map for each mule: id, pid, respawns, signals handled, messages taken, waiting_bytes of its own queue, refused by it, runs (signals and messages), failures of their handlers, last (seconds of the epoch).", mule_api_mules, UWSGI_FN_TUPLE },
	{ 0 },
};
/* clang-format on */
