/* mule_life.c - what a mule does: wait for signals, which the kernel handles in its loop, and for messages; or its own
 * program. */
#include "mule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/iface/program.h>
#include <uwsgi/iface/script.h>

#define PER_TURN 16 /* messages before signals get their turn */

struct waiting {
	struct uwsgi_watch watch; /* first: the watch is all of it */
	struct message_queue *queue;
};

/* Of this process. */
static struct mailbox own_box, farm_box;

int mule_my_number(void)
{
	return !strcmp(uwsgi_my_kind(), "mule") ? uwsgi_my_number() : 0;
}

const struct mailbox *mule_own_box(void)
{
	return &own_box;
}

const struct mailbox *mule_farm_box(void)
{
	return &farm_box;
}

/* ---- messages ---- */

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

static void handle(const char *message, size_t len)
{
	struct uwsgi_value *args = uwsgi_value_new_list();
	if (!args || !uwsgi_add_bytes(args, NULL, message, len))
		uwsgi_log("*** mule %d: memory is out: a message of %zu bytes is lost ***\n", mule_my_number(), len);
	else if (!uwsgi_hook_each(UWSGI_HOOK_PROGRAM_CALLABLE, visit_hook, args))
		uwsgi_log("*** mule %d received a %zu bytes message ***\n", mule_my_number(), len);
	uwsgi_value_free(args);
}

static int visit_hears(uwsgi_hook_fn *fn, void *data)
{
	struct uwsgi_fn *handler = ((uwsgi_hook_callable *)fn)("mule_msg_hook");
	(void)data;
	if (handler)
		handler->release(handler);
	return handler != NULL;
}

/* Which messages for any mule are for this one?  When nobody here would hear them, those with a program get all. */
static enum mailbox_of own_messages(int number)
{
	const struct mules *m = mules();
	bool programs = false;
	for (int i = 0; i < m->count; i++)
		programs |= *m->programs[i] != '\0';
	if (!programs || *m->programs[number - 1] || uwsgi_hook_each(UWSGI_HOOK_PROGRAM_CALLABLE, visit_hears, NULL))
		return MAILBOX_OWN_AND_ANY;
	return MAILBOX_OWN;
}

static void on_message(struct uwsgi_watch *watch, unsigned events)
{
	const struct waiting *w = (const struct waiting *)watch;
	(void)events;
	struct message message;
	for (int i = 0; i < PER_TURN && message_queue_take(w->queue, &message); i++) {
		mule_stats_took(mule_my_number());
		handle(message.text, message.len);
		message_queue_done(w->queue, &message);
	}
}

/* What the one before had in hand when it died. */
static void recover(int number)
{
	int dropped = mailbox_recover(&own_box) + mailbox_recover(&farm_box);
	if (dropped)
		uwsgi_log("*** mule %d: %d message%s dropped: it has ended two mules ***\n", number, dropped,
			  dropped == 1 ? " is" : "s are");
}

static int listen_to(const struct mailbox *box)
{
	struct waiting *all = calloc((size_t)box->count + 1, sizeof *all); /* for the life of the process */
	int failed = all ? 0 : -ENOMEM;
	for (int i = 0; i < box->count && !failed; i++) {
		all[i] = (struct waiting){ { message_queue_fd(box->queues[i]), on_message, NULL }, box->queues[i] };
		failed = uwsgi_loop_add(uwsgi_loop(), &all[i].watch, UWSGI_READ);
		on_message(&all[i].watch, 0); /* one who died may have been woken for what is there */
	}
	return failed;
}

/* ---- programs ---- */

struct program {
	const char *text;
	int status;
};

static int visit_script(uwsgi_hook_fn *fn, void *data)
{
	struct program *p = data;
	return ((uwsgi_hook_script *)fn)(p->text, &p->status) == 0;
}

/* What the application made the program of this mule (mule_program_hook): ask, or run it. */
struct own_program {
	bool run, there;
};

static int visit_own(uwsgi_hook_fn *fn, void *data)
{
	struct own_program *p = data;
	struct uwsgi_fn *hook = ((uwsgi_hook_callable *)fn)("mule_program_hook");
	struct uwsgi_value *args = hook ? uwsgi_value_new_list() : NULL, *result = NULL;
	if (args && uwsgi_add_bool(args, NULL, p->run) && hook->call(hook, args, &result) == 0)
		p->there = uwsgi_value_type(result) == UWSGI_T_BOOL && uwsgi_value_int(result);
	uwsgi_value_free(result);
	uwsgi_value_free(args);
	if (hook)
		hook->release(hook);
	return p->there;
}

static void run_own_program(void)
{
	struct own_program program = { .run = false };
	if (!uwsgi_hook_each(UWSGI_HOOK_PROGRAM_CALLABLE, visit_own, &program))
		return;
	uwsgi_process_own();
	program.run = true;
	uwsgi_hook_each(UWSGI_HOOK_PROGRAM_CALLABLE, visit_own, &program);
}

static int cannot_listen(int number, int failed)
{
	uwsgi_log("uwsgi: mule %d cannot wait for messages: %s; it ends\n", number, strerror(-failed));
	return 1;
}

int mule_run(int number)
{
	struct program program = { mules()->programs[number - 1], 0 };
	int failed = mailbox_open(mules(), number, own_messages(number), &own_box);
	if (!failed)
		failed = mailbox_open(mules(), number, MAILBOX_FARMS, &farm_box);
	if (failed)
		return cannot_listen(number, failed);
	recover(number);
	if (uwsgi_actions_run(&mules()->actions, "as-mule"))
		return 1;
	uwsgi_task_limit(mules()->harakiri);
	if (*program.text) {
		uwsgi_process_own();
		if (uwsgi_hook_each(UWSGI_HOOK_SCRIPT_RUN, visit_script, &program))
			return program.status;
		uwsgi_log("uwsgi: mule %d: nobody can run \"%s\"; it handles signals and messages\n", number,
			  program.text);
	}
	run_own_program();
	failed = listen_to(&own_box);
	if (!failed)
		failed = listen_to(&farm_box);
	return failed ? cannot_listen(number, failed) : uwsgi_loop_run(uwsgi_loop());
}
