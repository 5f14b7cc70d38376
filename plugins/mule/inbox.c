/* inbox.c - the messages of a mule without a program: taken in its loop, and given to the handler of the application.
 *
 * They are taken from a timer, not where the loop tells of them: signals, and an order to end, are heard between two
 * messages, at least once a millisecond. */
#include "mule.h"

#include <errno.h>
#include <stdlib.h>
#include <uwsgi/iface/program.h>

#define TURN_MS 1	  /* for messages, before signals and an order to end get their turn */
#define NO_MEMORY_MS 1000 /* until the next look at a message there was no memory for */

struct incoming {
	struct uwsgi_watch watch; /* first: the watch is all of it */
	struct message_queue *queue;
	bool awake; /* it may have a message */
};

/* There is one in a process, and it is never closed. */
static struct {
	struct incoming *queues;
	int count, next;			 /* whose turn it is */
	struct uwsgi_timer work;		 /* armed while a queue is awake */
	struct uwsgi_value *arguments, *message; /* of the handler: a list of one */
} inbox;

static int visit_hook(uwsgi_hook_fn *fn, void *data)
{
	struct uwsgi_fn *handler = ((uwsgi_hook_callable *)fn)("mule_msg_hook");
	if (!handler)
		return 0;
	uwsgi_task_begin("a message");
	if (handler->call(handler, data, NULL))
		mule_stats_failed(mule_my_number());
	uwsgi_task_end();
	handler->release(handler);
	return 1;
}

static void handle(const struct message *message)
{
	*inbox.message = (struct uwsgi_value){ .type = UWSGI_T_BYTES, .u.s = { message->text, message->len } };
	mule_stats_took(mule_my_number());
	if (!uwsgi_hook_each(UWSGI_HOOK_PROGRAM_CALLABLE, visit_hook, inbox.arguments))
		uwsgi_log("*** mule %d received a %zu bytes message ***\n", mule_my_number(), message->len);
}

/* 1 after a message was handled; 0: there is none; -ENOMEM: one waits for memory. */
static int handle_next(void)
{
	int taken = 0;
	for (int i = 0; i < inbox.count && !taken; i++) {
		struct incoming *in = &inbox.queues[inbox.next];
		struct message message;
		inbox.next = (inbox.next + 1) % inbox.count;
		taken = in->awake ? message_queue_take(in->queue, &message) : 0;
		in->awake = taken != 0;
		if (taken > 0) {
			handle(&message);
			message_queue_done(in->queue, &message);
		}
	}
	return taken;
}

static void on_work(struct uwsgi_timer *timer)
{
	uint64_t end = uwsgi_now_ms() + TURN_MS;
	int handled;
	do
		handled = handle_next();
	while (handled > 0 && uwsgi_now_ms() < end);
	if (handled < 0)
		uwsgi_log("*** mule %d: memory is out: a message waits for it ***\n", mule_my_number());
	if (handled)
		uwsgi_loop_timer(uwsgi_loop(), timer, handled > 0 ? 0 : NO_MEMORY_MS);
}

static void on_message(struct uwsgi_watch *watch, unsigned events)
{
	(void)events;
	((struct incoming *)watch)->awake = true;
	uwsgi_loop_timer(uwsgi_loop(), &inbox.work, 0);
}

static int add(const struct mailbox *box)
{
	int failed = 0;
	for (int i = 0; i < box->count && !failed; i++) {
		struct incoming *in = &inbox.queues[inbox.count++];
		*in = (struct incoming){ { message_queue_fd(box->queues[i]), on_message, NULL }, box->queues[i], true };
		failed = uwsgi_loop_add(uwsgi_loop(), &in->watch, UWSGI_READ);
	}
	return failed;
}

int inbox_open(const struct mailbox *own, const struct mailbox *farms)
{
	inbox.queues = calloc((size_t)(own->count + farms->count), sizeof *inbox.queues);
	inbox.arguments = uwsgi_value_new_list();
	inbox.message = inbox.arguments ? uwsgi_add_none(inbox.arguments, NULL) : NULL;
	inbox.work.fn = on_work;
	if (!inbox.queues || !inbox.message)
		return -ENOMEM;
	int failed = add(own);
	if (!failed)
		failed = add(farms);
	/* at once: one who died may have been woken for what is there */
	return failed ? failed : uwsgi_loop_timer(uwsgi_loop(), &inbox.work, 0);
}
