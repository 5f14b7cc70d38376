/* api_request.c - API functions about the request that the calling thread is running.
 *
 * Those that only ask answer 0 outside of a request, as uWSGI 2.0 does; those that act need one. */
#include "api_request.h"

#include <errno.h>
#include <string.h>
#include <uwsgi/api.h>
#include <uwsgi/log.h>
#include <uwsgi/proc.h>
#include <uwsgi/request.h>
#include <uwsgi/task.h>

static int cl(struct uwsgi_call *c)
{
	struct uwsgi_request *req = uwsgi_call_request(c);
	uwsgi_ret_int(c, req && req->content_length > 0 ? req->content_length : 0);
	return 0;
}

static int connection_fd(struct uwsgi_call *c)
{
	struct uwsgi_request *req = uwsgi_call_request(c);
	uwsgi_ret_int(c, req ? uwsgi_request_fd(req) : 0);
	return 0;
}

static int disconnect(struct uwsgi_call *c)
{
	uwsgi_request_disconnect(uwsgi_call_request(c));
	return 0;
}

static int log_this_request(struct uwsgi_call *c)
{
	uwsgi_request_log(uwsgi_call_request(c));
	return 0;
}

static int set_logvar(struct uwsgi_call *c)
{
	int rc = uwsgi_request_set_logvar(uwsgi_call_request(c), uwsgi_arg_str(c, 0), uwsgi_arg_str(c, 1));
	if (rc < 0)
		return uwsgi_fail(c, UWSGI_EVALUE, "set_logvar(): names and values have at most 255 bytes");
	return 0;
}

static int get_logvar(struct uwsgi_call *c)
{
	struct uwsgi_str value = uwsgi_request_logvar(uwsgi_call_request(c), uwsgi_arg_str(c, 0));
	if (value.p)
		uwsgi_ret_bytes(c, value.p, value.n);
	return 0;
}

/* A copy that lives as long as the request.  {NULL, 0}: no memory. */
static struct uwsgi_str keep(struct uwsgi_request *req, struct uwsgi_str text)
{
	char *copy = uwsgi_request_alloc(req, text.n + 1);
	if (!copy)
		return (struct uwsgi_str){ NULL, 0 };
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return (struct uwsgi_str){ copy, text.n };
}

static int add_var(struct uwsgi_call *c)
{
	struct uwsgi_request *req = uwsgi_call_request(c);
	struct uwsgi_str name = keep(req, uwsgi_arg_str(c, 0)), value = keep(req, uwsgi_arg_str(c, 1));
	if (!name.p || !value.p || uwsgi_request_add_var(req, uwsgi_key_intern(name.p, name.n), name, value) < 0)
		return uwsgi_fail(c, UWSGI_EVALUE, "unable to add request var, check your buffer size");
	uwsgi_ret_bool(c, true);
	return 0;
}

static int set_user_harakiri(struct uwsgi_call *c)
{
	struct uwsgi_request *req = uwsgi_call_request(c);
	int64_t seconds = uwsgi_arg_int(c, 0);
	if (seconds > INT32_MAX / 1000)
		return uwsgi_fail(c, UWSGI_EVALUE, "set_user_harakiri(): %lld seconds are too many",
				  (long long)seconds);
	bool has_tasks = uwsgi_my_number() && strcmp(uwsgi_my_kind(), "worker");
	if (!req && !has_tasks) {
		uwsgi_log("set_user_harakiri(%lld) outside of a request: it has no effect\n", (long long)seconds);
		return 0;
	}
	int rc = req ? uwsgi_request_deadline(req, seconds < 0 ? -1 : (int)seconds) : uwsgi_task_until((int)seconds);
	if (rc < 0)
		return uwsgi_fail(c, UWSGI_EOS, "set_user_harakiri(): no thread to watch the time: %s", strerror(-rc));
	return 0;
}

const struct uwsgi_api_fn *api_request_rows(void)
{
	/* clang-format off */
	static const struct uwsgi_api_fn rows[] = {
		{ "cl", "() -> int", "Length of the body of the current request, 0 when there is none.", cl, 0 },
		{ "connection_fd", "() -> int", "Descriptor of the connection of the current request, 0 outside of one.", connection_fd, 0 },
		{ "disconnect", "() -> None", "Close the connection to the client now; the request goes on.", disconnect, UWSGI_FN_REQUEST },
		{ "log_this_request", "() -> None", "Log the current request even when requests are not logged.", log_this_request, UWSGI_FN_REQUEST },
		{ "set_logvar", "(key: text, value: text) -> None", "Set a variable of the current request's log line, %(key) in the log format.", set_logvar, UWSGI_FN_REQUEST },
		{ "get_logvar", "(key: text) -> bytes | None", "A variable set by set_logvar in this request, or None.", get_logvar, UWSGI_FN_REQUEST },
		{ "add_var", "(key: text, value: text) -> bool", "Add a variable to the current request, for whatever looks at it later.", add_var, UWSGI_FN_REQUEST },
		{ "set_user_harakiri", "(seconds: int) -> None", "Give the current request that many seconds from now: when they pass, the client is answered 504 and the worker is replaced. 0 takes it back, and so does the end of the request. Outside of requests, in a process that serves none: the process is replaced.", set_user_harakiri, 0 },
		{ 0 },
	};
	/* clang-format on */
	return rows;
}
