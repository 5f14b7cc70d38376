/* mule_life.c - what a mule does: wait for signals, which the kernel handles in its loop, and for messages (inbox.c);
 * or its own program. */
#include "mule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/iface/program.h>
#include <uwsgi/iface/script.h>

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

/* What the one before had in hand when it died. */
static void recover(int number)
{
	int dropped = mailbox_recover(&own_box) + mailbox_recover(&farm_box);
	if (dropped)
		uwsgi_log("*** mule %d: %d message%s dropped: it has ended two mules ***\n", number, dropped,
			  dropped == 1 ? " is" : "s are");
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
	failed = inbox_open(&own_box, &farm_box);
	return failed ? cannot_listen(number, failed) : uwsgi_loop_run(uwsgi_loop());
}
