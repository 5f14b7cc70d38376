/* errands_plugin.c - an application in C whose threads give work to other processes, and the handlers of that work.
 *
 * /task, /message, /signal and /locked do one errand and answer "accepted" or "refused"; /counts answers with how many
 * of each were done. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <uwsgi.h>
#include <uwsgi/iface/program.h>

#define SIGNAL 40
#define SPOOL_OK (-2)

/* Shared by all processes, of all generations. */
static struct counts {
	_Atomic unsigned long tasks, messages, signals;
	unsigned long locked; /* by lock 0 */
} * counts;

/* ---- what is done elsewhere ---- */

static int answer(struct uwsgi_value **result_r, int64_t number)
{
	struct uwsgi_value *value = result_r ? uwsgi_value_new_list() : NULL;
	if (value) {
		uwsgi_value_clear(value);
		value->type = UWSGI_T_INT;
		value->u.i = number;
		*result_r = value;
	}
	return 0;
}

static int do_task(struct uwsgi_fn *fn, const struct uwsgi_value *args, struct uwsgi_value **result_r)
{
	(void)fn, (void)args;
	atomic_fetch_add(&counts->tasks, 1);
	return answer(result_r, SPOOL_OK);
}

static int do_message(struct uwsgi_fn *fn, const struct uwsgi_value *args, struct uwsgi_value **result_r)
{
	(void)fn, (void)args;
	atomic_fetch_add(&counts->messages, 1);
	return answer(result_r, 0);
}

static int do_signal(struct uwsgi_fn *fn, const struct uwsgi_value *args, struct uwsgi_value **result_r)
{
	(void)fn, (void)args;
	atomic_fetch_add(&counts->signals, 1);
	return answer(result_r, 0);
}

static void keep(struct uwsgi_fn *fn)
{
	(void)fn; /* lives as long as the process */
}

static struct uwsgi_fn tasks = { do_task, keep, keep }, messages = { do_message, keep, keep },
		       signals = { do_signal, keep, keep };

static struct uwsgi_fn *callable(const char *name)
{
	return !strcmp(name, "spooler") ? &tasks : !strcmp(name, "mule_msg_hook") ? &messages : NULL;
}

/* ---- the errands ---- */

/* Call a function of the API, as a language does. `args` are its first arguments. */
static bool call(const char *name, const struct uwsgi_value *args, unsigned n)
{
	struct uwsgi_value all[UWSGI_PARAMS_MAX];
	struct uwsgi_call result;
	for (unsigned i = 0; i < UWSGI_PARAMS_MAX; i++)
		all[i] = i < n ? args[i] : (struct uwsgi_value){ .flags = UWSGI_VALUE_DEFAULT };
	if (uwsgi_api_invoke(uwsgi_api_find(name), all, &result)) {
		uwsgi_log("%s: %s\n", name, result.text);
		return false;
	}
	bool refused = result.result.type == UWSGI_T_BOOL && !result.result.u.i;
	uwsgi_value_clear(&result.result);
	return !refused;
}

static struct uwsgi_value text(const char *p)
{
	return (struct uwsgi_value){ .type = UWSGI_T_STR, .u.s = { p, strlen(p) } };
}

static struct uwsgi_value number(int64_t i)
{
	return (struct uwsgi_value){ .type = UWSGI_T_INT, .u.i = i };
}

static bool spool(void)
{
	struct uwsgi_value task = { 0 }, key = text("name");
	uwsgi_value_set_map(&task);
	*uwsgi_value_add(&task, &key) = text("value");
	bool done = call("spool", &task, 1);
	uwsgi_value_clear(&task);
	return done;
}

static bool send_message(void)
{
	struct uwsgi_value message = text("an errand");
	return call("mule_msg", &message, 1);
}

static bool raise_signal(void)
{
	struct uwsgi_value signum = number(SIGNAL);
	return call("signal", &signum, 1);
}

static bool count_locked(void)
{
	bool done = call("lock", NULL, 0);
	counts->locked++;
	return done && call("unlock", NULL, 0);
}

static const struct errand {
	const char *path;
	bool (*run)(void);
} errands[] = {
	{ "/task", spool },
	{ "/message", send_message },
	{ "/signal", raise_signal },
	{ "/locked", count_locked },
	{ 0 },
};

/* ---- the application ---- */

static int init(void)
{
	counts = uwsgi_shm_keep("errands", sizeof *counts);
	return counts ? 0 : -1;
}

static int load(void)
{
	struct uwsgi_value args[] = { number(SIGNAL), text("mule"), { .type = UWSGI_T_FN, .u.fn = &signals } };
	return call("register_signal", args, 3) ? 1 : -1;
}

static int request(struct uwsgi_request *req)
{
	char body[200];
	struct uwsgi_str path = uwsgi_request_known(req, UWSGI_KEY_PATH_INFO);
	const struct errand *errand = errands;
	while (errand->path && (path.n != strlen(errand->path) || memcmp(path.p, errand->path, path.n)))
		errand++;
	if (errand->path)
		strcpy(body, errand->run() ? "accepted" : "refused");
	else
		snprintf(body, sizeof body, "{\"/task\": %lu, \"/message\": %lu, \"/signal\": %lu, \"/locked\": %lu}",
			 atomic_load(&counts->tasks), atomic_load(&counts->messages), atomic_load(&counts->signals),
			 counts->locked);
	uwsgi_response_status(req, "200 OK", strlen("200 OK"));
	return uwsgi_response_body(req, &(struct iovec){ body, strlen(body) }, 1);
}

static const struct uwsgi_hook hooks[] = {
	UWSGI_HOOK(UWSGI_HOOK_PROGRAM_CALLABLE, uwsgi_hook_callable, callable),
	{ 0 },
};

struct uwsgi_plugin errands_plugin = {
	.name = "errands", .hooks = hooks, .init = init, .load = load, .request = request
};
