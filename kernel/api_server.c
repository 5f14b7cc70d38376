/* api_server.c - API functions about the server: its processes, its clock, its log.
 *
 * Written as any plugin's rows are, against the public headers only.  Where a name answers None instead of False, or a
 * tuple instead of a map, that is what programs written for uWSGI 2.0 test for. */
#include "api_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/log.h>
#include <uwsgi/loop.h>
#include <uwsgi/option.h>
#include <uwsgi/plugin.h>
#include <uwsgi/proc.h>
#include <uwsgi/shm.h>
#include <uwsgi/socket.h>

#include "api.h"
#include "api_lock.h"
#include "api_request.h"
#include "api_signal.h"
#include "api_socket.h"
#include "backlog.h"
#include "memory.h"

enum { WARNING_MAX = 80 };

/* Shared by all processes, so that whoever answers a ping knows it.  File scope: rows carry no data of their own. */
static char *warning_message;

const char *api_server_warning(void)
{
	return warning_message ? warning_message : "";
}

static int set_warning_message(struct uwsgi_call *c)
{
	struct uwsgi_str text = uwsgi_arg_str(c, 0);
	if (!warning_message)
		return uwsgi_fail(c, UWSGI_ERUNTIME, "set_warning_message(): the server has not started");
	if (text.n > WARNING_MAX)
		uwsgi_log("the warning message has %zu characters: cut to %d\n", text.n, WARNING_MAX);
	size_t n = text.n < WARNING_MAX ? text.n : WARNING_MAX;
	memcpy(warning_message, text.p, n);
	warning_message[n] = '\0';
	uwsgi_ret_bool(c, true);
	return 0;
}

/* ---- processes ---- */

static void true_or_none(struct uwsgi_call *c, bool v)
{
	if (v)
		uwsgi_ret_bool(c, true);
}

static int reload(struct uwsgi_call *c)
{
	true_or_none(c, uwsgi_server_reload() == 0);
	return 0;
}

static int stop(struct uwsgi_call *c)
{
	true_or_none(c, uwsgi_server_stop() == 0);
	return 0;
}

const char *api_server_status(enum uwsgi_proc_state state)
{
	static const char *const names[] = {
		[UWSGI_PROC_FREE] = "cheap", [UWSGI_PROC_STARTING] = "cheap", [UWSGI_PROC_IDLE] = "idle",
		[UWSGI_PROC_BUSY] = "busy",  [UWSGI_PROC_STOPPING] = "busy",
	};
	return (size_t)state < sizeof names / sizeof *names ? names[state] : "cheap";
}

void api_server_describe(struct uwsgi_value *w, const struct uwsgi_proc_info *info, const char *status)
{
	if (!status)
		status = api_server_status(info->state);
	uwsgi_add_int(w, "id", info->number);
	uwsgi_add_int(w, "pid", info->pid);
	uwsgi_add_int(w, "requests", (int64_t)info->requests);
	uwsgi_add_int(w, "delta_requests", (int64_t)info->delta_requests);
	uwsgi_add_int(w, "signals", (int64_t)info->signals);
	uwsgi_add_int(w, "exceptions", (int64_t)info->exceptions);
	uwsgi_add_int(w, "accepting", info->accepting);
	uwsgi_add_bytes(w, "status", status, strlen(status));
	uwsgi_add_int(w, "rss", (int64_t)info->rss_bytes);
	uwsgi_add_int(w, "vsz", (int64_t)info->vsz_bytes);
	uwsgi_add_int(w, "running_time", (int64_t)info->running_us);
	uwsgi_add_int(w, "last_spawn", (int64_t)(info->last_spawn_us / 1000000));
	uwsgi_add_int(w, "respawn_count", (int64_t)info->respawns);
	uwsgi_add_int(w, "tx", (int64_t)info->tx_bytes);
	uwsgi_add_int(w, "avg_rt", (int64_t)info->avg_us);
	uwsgi_add_list(w, "apps");
	uwsgi_add_int(w, "harakiri_count", (int64_t)info->harakiris);
	struct uwsgi_value *timeouts = uwsgi_add_map(w, "timeouts");
	uwsgi_add_int(timeouts, "head", (int64_t)info->head_timeouts);
	uwsgi_add_int(timeouts, "body", (int64_t)info->body_timeouts);
	uwsgi_add_int(timeouts, "send", (int64_t)info->send_timeouts);
	uwsgi_add_int(timeouts, "idle", (int64_t)info->idle_timeouts);
}

static int workers(struct uwsgi_call *c)
{
	struct uwsgi_value *list = uwsgi_ret_list(c);
	struct uwsgi_proc_info info;
	for (int number = 1; number <= uwsgi_proc_count("worker"); number++)
		if (!uwsgi_proc_get("worker", number, &info, sizeof info))
			api_server_describe(uwsgi_add_map(list, NULL), &info, NULL);
	return 0;
}

static int masterpid(struct uwsgi_call *c)
{
	uwsgi_ret_int(c, uwsgi_master_pid());
	return 0;
}

static bool in_worker(void)
{
	return !strcmp(uwsgi_my_kind(), "worker");
}

static int worker_id(struct uwsgi_call *c)
{
	uwsgi_ret_int(c, in_worker() ? uwsgi_my_number() : 0);
	return 0;
}

static int request_id(struct uwsgi_call *c)
{
	struct uwsgi_proc_info info = { 0 };
	if (in_worker())
		uwsgi_proc_get("worker", uwsgi_my_number(), &info, sizeof info);
	uwsgi_ret_int(c, (int64_t)info.requests);
	return 0;
}

static int total_requests(struct uwsgi_call *c)
{
	struct uwsgi_proc_info info;
	int64_t total = 0;
	for (int number = 1; number <= uwsgi_proc_count("worker"); number++)
		if (!uwsgi_proc_get("worker", number, &info, sizeof info))
			total += (int64_t)info.requests;
	uwsgi_ret_int(c, total);
	return 0;
}

static int ready(struct uwsgi_call *c)
{
	true_or_none(c, uwsgi_server_ready());
	return 0;
}

static int accepting(struct uwsgi_call *c)
{
	if (in_worker())
		uwsgi_proc_accepting(uwsgi_arg_bool(c, 0));
	return 0;
}

static int setprocname(struct uwsgi_call *c)
{
	uwsgi_proc_title(uwsgi_arg_str(c, 0).p);
	return 0;
}

static int sorry_i_need_to_block(struct uwsgi_call *c)
{
	true_or_none(c, uwsgi_master_pid() != 0);
	return 0;
}

static int mem(struct uwsgi_call *c)
{
	uint64_t vsz, rss;
	int failed = memory_read(&vsz, &rss);
	if (failed)
		return uwsgi_fail(c, UWSGI_EOS, "mem(): /proc/self/statm: %s", strerror(-failed));
	struct uwsgi_value *pair = uwsgi_ret_list(c);
	uwsgi_add_int(pair, NULL, (int64_t)rss);
	uwsgi_add_int(pair, NULL, (int64_t)vsz);
	return 0;
}

/* ---- sockets of the server ---- */

static int listen_queue(struct uwsgi_call *c)
{
	const struct uwsgi_socket *const *sockets;
	int64_t id = uwsgi_arg_int(c, 0);
	if (id < 0 || (size_t)id >= uwsgi_sockets(&sockets))
		return uwsgi_fail(c, UWSGI_EVALUE, "unable to find socket %lld", (long long)id);
	uwsgi_ret_int(c, backlog_of(sockets[id]).waiting);
	return 0;
}

/* ---- log and clock ---- */

static int log_line(struct uwsgi_call *c)
{
	struct uwsgi_str text = uwsgi_arg_str(c, 0);
	enum { LINE_MAX_FORMATTED = 16 * 1024 }; /* uwsgi_log cuts what is much longer */
	if (text.n <= LINE_MAX_FORMATTED) {
		uwsgi_log("%.*s\n", (int)text.n, text.p);
	} else {
		uwsgi_log_raw(text.p, text.n);
		uwsgi_log_raw("\n", 1);
	}
	uwsgi_ret_bool(c, true);
	return 0;
}

static int logsize(struct uwsgi_call *c)
{
	struct stat st;
	bool to_file = fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	uwsgi_ret_int(c, to_file ? (int64_t)st.st_size : 0);
	return 0;
}

static int micros(struct uwsgi_call *c)
{
	uwsgi_ret_int(c, (int64_t)uwsgi_micros());
	return 0;
}

/* ---- numbered options ---- */

/* Positions are the ids of the historic API; one that this server does not have reads 0.  Only what every request looks
 * at again can be changed while the server runs. */
static const struct {
	const char *name;
	bool changes;
} numbered_options[] = {
	{ "disable-logging", true }, /* the id is "logging": its opposite */
	{ "max-requests", true },
	{ "socket-timeout", true },
	{ "memory-report", false },
	{ NULL, false },
	{ "harakiri", false },
	{ NULL, false },
	{ "threads", false },
	{ NULL, false },
	{ "log-zero", true },
	{ "log-slow", true },
	{ "log-4xx", true },
	{ "log-5xx", true },
	{ "log-big", true },
	{ "log-sendfile", false },
	{ NULL, false },
	{ NULL, false },
	{ NULL, false },
	{ NULL, false },
};
enum { NUMBERED_OPTIONS = sizeof numbered_options / sizeof *numbered_options };

static int get_option(struct uwsgi_call *c)
{
	int64_t id = uwsgi_arg_int(c, 0), value = 0;
	if (id < 0 || id >= NUMBERED_OPTIONS)
		return uwsgi_fail(c, UWSGI_EVALUE, "there is no option %lld", (long long)id);
	if (numbered_options[id].name)
		(void)uwsgi_option_number(numbered_options[id].name, &value);
	uwsgi_ret_int(c, id == 0 ? !value : value);
	return 0;
}

static int set_option(struct uwsgi_call *c)
{
	int64_t id = uwsgi_arg_int(c, 0), value = uwsgi_arg_int(c, 1);
	char text[24];
	if (id < 0 || id >= NUMBERED_OPTIONS)
		return uwsgi_fail(c, UWSGI_EVALUE, "there is no option %lld", (long long)id);
	const char *name = numbered_options[id].name;
	if (!numbered_options[id].changes)
		return uwsgi_fail(c, UWSGI_ENOTIMPL,
				  "option %lld%s%s cannot be changed while the server runs: set it in the "
				  "configuration and reload",
				  (long long)id, name ? " " : "", name ? name : "");
	snprintf(text, sizeof text, "%lld", (long long)(id == 0 ? !value : value));
	if (uwsgi_option_set(name, text))
		return uwsgi_fail(c, UWSGI_EVALUE, "%lld is no value of %s", (long long)value, name);
	uwsgi_ret_int(c, value);
	return 0;
}

static int has_hook(struct uwsgi_call *c)
{
	int64_t modifier1 = uwsgi_arg_int(c, 0);
	true_or_none(c, modifier1 >= 0 && modifier1 < 256 && uwsgi_modifier_answered((uint8_t)modifier1));
	return 0;
}

/* clang-format off */
static const struct uwsgi_api_fn rows[] = {
	{ "reload", "(*ignored: any) -> bool | None", "Reload the whole server gracefully; returns at once. True, or None when the master cannot be told.", reload, 0 },
	{ "stop", "(*ignored: any) -> bool | None", "Stop the whole server gracefully; returns at once. True, or None when the master cannot be told.", stop, 0 },
	{ "workers", "(*ignored: any) -> list | None", "One map for each worker: id, pid, status, counters, times in microseconds and memory in bytes, as they are now.", workers, UWSGI_FN_TUPLE },
	{ "masterpid", "(*ignored: any) -> int", "Process id of the master, 0 without one.", masterpid, 0 },
	{ "worker_id", "(*ignored: any) -> int", "Number of this worker from 1, 0 in any other process.", worker_id, 0 },
	{ "request_id", "(*ignored: any) -> int", "How many requests this worker has completed.", request_id, 0 },
	{ "total_requests", "(*ignored: any) -> int", "How many requests all workers have completed.", total_requests, 0 },
	{ "ready", "(*ignored: any) -> bool | None", "True once the application is loaded, None while it is being loaded.", ready, 0 },
	{ "accepting", "(accepting: bool = True) -> None", "Tell the master that this worker accepts requests, or does not.", accepting, 0 },
	{ "setprocname", "(name: str) -> None", "Set the title of this process as ps shows it.", setprocname, 0 },
	{ "sorry_i_need_to_block", "() -> bool | None", "True with a master, else None. Kept for old programs: blocking is always allowed.", sorry_i_need_to_block, 0 },
	{ "mem", "() -> list", "Resident and virtual memory of this process, in bytes.", mem, UWSGI_FN_TUPLE },
	{ "listen_queue", "(id: int = 0) -> int", "How many connections wait on the server's socket `id` to be accepted.", listen_queue, 0 },
	{ "log", "(message: text) -> bool", "Write a line to the server's log.", log_line, 0 },
	{ "logsize", "() -> int", "Size of the log file in bytes, 0 when the log is no file.", logsize, 0 },
	{ "micros", "() -> int", "Microseconds since the epoch.", micros, 0 },
	{ "set_warning_message", "(message: str) -> bool", "Set the message of at most 80 characters that the server adds to its answer to a ping.", set_warning_message, 0 },
	{ "get_option", "(id: int) -> int", "Value of a numbered option: 0 logging, 1 max-requests, 2 socket-timeout, 3 memory-report, 5 harakiri, 7 threads, 9 log-zero, 10 log-slow, 11 log-4xx, 12 log-5xx, 13 log-big, 14 log-sendfile.", get_option, 0 },
	{ "getoption", "(id: int) -> int", "The same as get_option.", get_option, 0 },
	{ "set_option", "(id: int, value: int) -> int", "Change a numbered option for the whole server until its end, and return the value: 0, 1, 2, 9 to 13 of get_option; the others belong to the configuration.", set_option, 0 },
	{ "setoption", "(id: int, value: int) -> int", "The same as set_option.", set_option, 0 },
	{ "has_hook", "(modifier1: int) -> bool | None", "True when a loaded plugin answers requests of this modifier, else None.", has_hook, 0 },
	{ 0 },
};
/* clang-format on */

int api_server_register(struct api_registry *reg)
{
	const struct uwsgi_api_fn *const tables[] = { rows, api_request_rows(), api_signal_rows(), api_socket_rows(),
						      api_lock_rows() };
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		int rc = api_register(reg, "kernel", tables[i], sizeof(struct uwsgi_api_fn));
		if (rc < 0)
			return rc;
	}
	warning_message = uwsgi_shm_alloc(WARNING_MAX + 1);
	if (warning_message)
		return 0;
	uwsgi_log("no shared memory for the warning message: the server does not start\n");
	return -ENOMEM;
}
