/* spooler_handler.c - a task goes to the handler that the program set as `uwsgi.spooler`, whatever its language. */
#include "spooler.h"

#include <string.h>
#include <uwsgi/iface/program.h>

#include "spool_job.h"

/* ---- what the handler gets ---- */

static int put(struct uwsgi_value *map, struct uwsgi_value key, struct uwsgi_str text, bool copies)
{
	struct uwsgi_value *slot = uwsgi_value_add(map, &key);
	if (!slot)
		return -1;
	if (copies)
		return uwsgi_value_set_text(slot, UWSGI_T_BYTES, text.p, text.n);
	*slot = (struct uwsgi_value){ .type = UWSGI_T_BYTES, .u.s = text };
	return 0;
}

static struct uwsgi_value str_key(const char *name)
{
	return (struct uwsgi_value){ .type = UWSGI_T_STR, .u.s = { name, strlen(name) } };
}

int spooler_describe(const struct spool_job *job, const char *name, struct uwsgi_value *map, bool copies)
{
	struct uwsgi_str rest = job->task.pairs, key, value;
	int failed = put(map, str_key("spooler_task_name"), (struct uwsgi_str){ name, strlen(name) }, copies);
	while (!failed && spool_task_next(&rest, &key, &value))
		failed = put(map, (struct uwsgi_value){ .type = UWSGI_T_BYTES, .u.s = key }, value, copies);
	if (!failed && job->task.body.n)
		failed = put(map, str_key("body"), job->task.body, copies);
	return failed ? -1 : 0;
}

/* ---- the call ---- */

struct handling {
	const struct uwsgi_value *args;
	int64_t answer;
};

/* Until one has an answer other than SPOOL_IGNORE. */
static int visit(uwsgi_hook_fn *fn, void *data)
{
	struct handling *handling = data;
	struct uwsgi_value *result = NULL;
	struct uwsgi_fn *handler = ((uwsgi_hook_callable *)fn)("spooler");
	if (!handler)
		return 0;
	handling->answer = SPOOLER_RAISED;
	if (handler->call(handler, handling->args, &result) == 0)
		handling->answer = uwsgi_value_type(result) == UWSGI_T_INT ? uwsgi_value_int(result) : SPOOL_RETRY;
	uwsgi_value_free(result);
	handler->release(handler);
	return handling->answer != SPOOL_IGNORE;
}

int64_t spooler_handle(const struct spool_job *job)
{
	struct handling handling = { .answer = SPOOL_IGNORE };
	struct uwsgi_value *args = uwsgi_value_new_list();
	struct uwsgi_value *map = args ? uwsgi_add_map(args, NULL) : NULL;
	if (!map || spooler_describe(job, spool_base(job->path), map, false)) {
		uwsgi_log("[spooler] %s: memory is out; the task is tried again\n", job->path);
		uwsgi_value_free(args);
		return SPOOLER_RAISED;
	}
	handling.args = args;
	uwsgi_hook_each(UWSGI_HOOK_PROGRAM_CALLABLE, visit, &handling);
	uwsgi_value_free(args);
	return handling.answer;
}
