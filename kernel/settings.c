/* settings.c - the kernel's own options: one row each, their defaults, and what must hold between them.
 *
 * An option that exists upstream but has no effect here yet is not in the table: the configuration knows such names
 * from a list and says so.  Rows with "accepted" in their help have nothing left to switch on; see accepted.c, too. */
#include "settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uwsgi/log.h>

#include "option.h"

/* The registry adds the address of the settings to these. */
#define FIELD(NAME) ((void *)offsetof(struct settings, NAME))

enum { SOCKET_DEFAULT, SOCKET_NATIVE };
static const char *const socket_protocol[] = { [SOCKET_DEFAULT] = NULL, [SOCKET_NATIVE] = "uwsgi" };

static int add_socket(struct settings *settings, const char *address, const char *protocol)
{
	struct settings_socket *all = realloc(settings->sockets, (settings->nsockets + 1) * sizeof *all);
	if (!all)
		return -ENOMEM;
	settings->sockets = all;
	char *copy = strdup(address);
	if (!copy)
		return -ENOMEM;
	settings->sockets[settings->nsockets++] = (struct settings_socket){ copy, protocol };
	return 0;
}

static int apply_socket(const char *key, const char *value, void *data)
{
	(void)key;
	return add_socket(data, value, socket_protocol[SOCKET_DEFAULT]);
}

static int apply_native_socket(const char *key, const char *value, void *data)
{
	(void)key;
	return add_socket(data, value, socket_protocol[SOCKET_NATIVE]);
}

static int apply_max_vars(const char *key, const char *value, void *data)
{
	struct settings *settings = data;
	char *end;
	long vars = strtol(value, &end, 10);
	if (vars < 1 || vars > 65535) {
		uwsgi_log("%s = %s: must be a number between 1 and 65535\n", key, value);
		return -EINVAL;
	}
	settings->max_vars = (int)vars;
	return 0;
}

static int apply_chmod_socket(const char *key, const char *value, void *data)
{
	struct settings *settings = data;
	if (*value && (strlen(value) != 3 || strspn(value, "01234567") != 3)) {
		uwsgi_log("%s = %s: invalid chmod value, give three octal digits such as 660\n", key, value);
		return -EINVAL;
	}
	settings->chmod_socket = strdup(value);
	return settings->chmod_socket ? 0 : -ENOMEM;
}

static int apply_request_id(const char *key, const char *value, void *data)
{
	struct settings *settings = data;
	bool plain = !*value || !strcasecmp(value, "true") || !strcmp(value, "1");
	if (strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != strlen(value) ||
	    strlen(value) > 64) {
		uwsgi_log("%s = %s: give the name of a header such as X-Request-ID\n", key, value);
		return -EINVAL;
	}
	settings->request_id = strdup(plain ? "X-Request-ID" : value);
	return settings->request_id ? 0 : -ENOMEM;
}

static int apply_compat(const char *key, const char *value, void *data)
{
	struct settings *settings = data;
	if (strcmp(value, "uwsgi-2.0")) {
		uwsgi_log("%s = %s: the one version there is compatibility with is uwsgi-2.0\n", key, value);
		return -EINVAL;
	}
	settings->compat_2_0 = true;
	return 0;
}

#define ROW(NAME, TYPE, FIELDNAME, HELP, ...)                                                                          \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_##TYPE, .value = FIELD(FIELDNAME), .help = HELP, .group = GROUP,       \
		__VA_ARGS__                                                                                            \
	}
#define CALL(NAME, FN, HELP, ...)                                                                                      \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_CALL, .apply = FN, .help = HELP, .group = GROUP, __VA_ARGS__           \
	}
#define ALIAS(NAME, OF, ...)                                                                                           \
	{                                                                                                              \
		.name = NAME, .alias_of = OF, __VA_ARGS__                                                              \
	}

/* clang-format off */
static const struct uwsgi_option rows[] = {
#define GROUP "processes"
	ROW("master", BOOL, master, "run a supervising master process", .letter = 'M'),
	ROW("processes", INT, processes, "number of worker processes (default 1)", .letter = 'p'),
	ALIAS("workers", "processes", .letter = 'p'),
	ROW("threads", INT, threads, "threads of each worker (default 1)", .flags = UWSGI_OPT_THREADS),
	ROW("enable-threads", BOOL, enable_threads, "prepare the language for threads even with one thread", .letter = 'T'),
	ROW("disable-threads", BOOL, disable_threads, "the opposite of enable-threads"),
	ROW("lazy-apps", BOOL, lazy_apps, "load the application in each worker instead of before the fork"),
	ROW("need-app", BOOL, need_app, "do not start without an application (default true)", .arg = UWSGI_ARG_OPTIONAL),
	ROW("no-server", BOOL, no_server, "initialise everything, start no worker and exit"),
	ROW("die-on-term", BOOL, die_on_term, "accepted: SIGTERM always stops the server"),
	ROW("vacuum", BOOL, vacuum, "remove unix sockets and pid files at exit"),
	ROW("no-orphans", BOOL, no_orphans, "workers die when the master disappears"),
	ROW("worker-reload-mercy", INT, worker_reload_mercy, "seconds a worker may take to stop (default 60)"),
	ROW("reload-mercy", INT, reload_mercy, "seconds any process may take to stop"),
	ROW("reload-deadline", INT, reload_deadline, "seconds a new generation may take to be ready while an old one serves, 0: no limit (default 120)"),
	ROW("max-crashes", INT, max_crashes, "end the server when one process died that many times in a row within its first second (default: never)"),
	ROW("lazy", BOOL, lazy, "lazy-apps, and a reload replaces the workers only"),
	ROW("chain", BOOL, chain, "a reload replaces worker by worker"),
	ROW("exit-on-reload", BOOL, exit_on_reload, "a reload ends the server"),
	CALL("compat", apply_compat, "\"uwsgi-2.0\": the old meaning of what is different on purpose, see docs/migrating.md"),
	ROW("max-requests", INT, max_requests, "replace a worker after that many requests", .letter = 'R'),
	ROW("pidfile", STR, pidfile, "write the pid here, before privileges are dropped"),
	ROW("pidfile2", STR, pidfile2, "write the pid here, after privileges were dropped"),
	ROW("safe-pidfile", STR, safe_pidfile, "write the pid here, when the server answers"),
	ROW("safe-pidfile2", STR, safe_pidfile2, "the same, for a second file"),
	ROW("auto-procname", BOOL, auto_procname, "name the processes after what they do"),
	ROW("procname", STR, procname, "title of all processes"),
	ROW("procname-prefix", STR, procname_prefix, "text before the title of each process"),
	ROW("procname-prefix-spaced", STR, procname_prefix_spaced, "text and a space before the title of each process"),
	ROW("procname-append", STR, procname_append, "text after the title of each process"),
	ROW("procname-master", STR, procname_master, "title of the master"),
	ROW("memory-report", BOOL, memory_report, "log the memory of the worker with each request", .letter = 'm', .arg = UWSGI_ARG_OPTIONAL),
#undef GROUP
#define GROUP "environment"
	ROW("chdir", STR, chdir, "change to this directory before the application is loaded"),
	ROW("chdir2", STR, chdir2, "change to this directory after the application was loaded"),
#undef GROUP
#define GROUP "sockets"
	CALL("socket", apply_socket, "listen on a TCP address or unix path, speaking `protocol`", .letter = 's'),
	CALL("uwsgi-socket", apply_native_socket, "listen on a TCP address or unix path, speaking the uwsgi protocol"),
	ROW("protocol", STR, protocol, "protocol of the sockets given with `socket` (default uwsgi)"),
	ALIAS("socket-protocol", "protocol"),
	ROW("chown-socket", STR, chown_socket, "owner[:group] of unix sockets"),
	CALL("chmod-socket", apply_chmod_socket, "mode of unix sockets, three octal digits (666 without a value)", .letter = 'C', .arg = UWSGI_ARG_OPTIONAL),
	ALIAS("chmod", "chmod-socket", .letter = 'C'),
	ROW("listen", INT, listen, "backlog of the sockets (default 100)", .letter = 'l'),
	ROW("buffer-size", INT, buffer_size, "largest head of a request in bytes (default 4096)", .letter = 'b'),
	CALL("max-vars", apply_max_vars, "most variables of a request (default 64)", .letter = 'v'),
	ROW("socket-timeout", INT, socket_timeout, "seconds a client may stall (default 4)", .letter = 'z'),
	ROW("keep-alive", INT, keep_alive, "seconds an idle connection is kept open, 0: none is (default 60)"),
	ROW("so-keepalive", BOOL, so_keepalive, "SO_KEEPALIVE on connections"),
	ROW("reuse-port", BOOL, reuse_port, "SO_REUSEPORT on the sockets"),
#undef GROUP
#define GROUP "requests"
	ROW("limit-post", INT64, limit_post, "refuse request bodies of more bytes than this"),
	ROW("post-buffering", INT, post_buffering, "read the whole body before the application is called, on disk above that many bytes"),
	ROW("manage-script-name", BOOL, manage_script_name, "derive SCRIPT_NAME and PATH_INFO from the mount point"),
	ROW("no-default-app", BOOL, no_default_app, "do not answer paths outside of the mount points with the default application"),
	ROW("add-header", LIST, add_headers, "header added to each response, \"Name: value\""),
	ROW("ignore-sigpipe", BOOL, ignore_sigpipe, "do not log SIGPIPE"),
	ROW("ignore-write-errors", BOOL, ignore_write_errors, "do not log clients that went away"),
	ROW("disable-write-exception", BOOL, disable_write_exception, "no exception in the application when the client went away"),
#undef GROUP
#define GROUP "logging"
	ROW("disable-logging", BOOL, disable_logging, "no line per request", .letter = 'L'),
	ROW("log-4xx", BOOL, log_4xx, "log requests answered with 4xx"),
	ROW("log-5xx", BOOL, log_5xx, "log requests answered with 5xx"),
	ROW("log-zero", BOOL, log_zero, "log requests with an empty response"),
	ROW("log-slow", INT, log_slow, "log requests slower than that many milliseconds"),
	ROW("log-big", INT, log_big, "log responses larger than that many bytes"),
	ROW("log-micros", BOOL, log_micros, "response times in microseconds"),
	ROW("log-sendfile", BOOL, log_sendfile, "log requests answered with a file", .arg = UWSGI_ARG_REQUIRED),
	ROW("log-ioerror", BOOL, log_ioerror, "log requests whose client went away or failed to send its body", .arg = UWSGI_ARG_REQUIRED),
	ROW("log-format", STR, log_format, "template of the request lines, such as %(method) %(uri) => %(status)"),
	ALIAS("logformat", "log-format"),
	ROW("logformat-strftime", BOOL, logformat_strftime, "the template of the request lines may hold conversions of strftime"),
	ALIAS("log-format-strftime", "logformat-strftime"),
	CALL("request-id", apply_request_id, "name each request by this header (X-Request-ID without a value), or by an id made here", .arg = UWSGI_ARG_OPTIONAL),
	ROW("log-x-forwarded-for", BOOL, log_x_forwarded_for, "log the client address of X-Forwarded-For"),
#undef GROUP
#define GROUP "plugins"
	ROW("plugins-dir", LIST, plugin_dirs, "directory searched for plugins", .flags = UWSGI_OPT_IMMEDIATE),
	ALIAS("plugin-dir", "plugins-dir"),
	ROW("no-autoload", BOOL, no_autoload, "load no plugin that was not named", .flags = UWSGI_OPT_IMMEDIATE),
#undef GROUP
	{ 0 },
};
/* clang-format on */

int settings_register(struct settings *settings, struct option_registry *options)
{
	*settings = (struct settings){
		.processes = 1,
		.threads = 1,
		.need_app = true,
		.worker_reload_mercy = 60,
		.reload_deadline = 120,
		.listen = 100,
		.buffer_size = 4096,
		.max_vars = 64,
		.socket_timeout = 4,
		.keep_alive = 60,
	};
	return option_register(options, "the kernel", rows, sizeof *rows, settings);
}

/* Two sockets on one address would steal each other's connections; a bind error says less. */
static int check_sockets(const struct settings *settings)
{
	for (size_t i = 0; i < settings->nsockets; i++) {
		if (!*settings->sockets[i].address) {
			uwsgi_log("socket: the address is empty, give host:port or a path\n");
			return -EINVAL;
		}
		for (size_t j = 0; j < i; j++)
			if (!strcmp(settings->sockets[i].address, settings->sockets[j].address)) {
				uwsgi_log("socket %s is configured twice\n", settings->sockets[i].address);
				return -EINVAL;
			}
	}
	return 0;
}

int settings_finish(struct settings *settings)
{
	if (settings->buffer_size < 256) {
		uwsgi_log("buffer-size = %d: no request fits, give at least 256\n", settings->buffer_size);
		return -EINVAL;
	}
	int rc = check_sockets(settings);
	if (rc)
		return rc;

	/* `threads = true` is 0 by the rules of numbers, and mean the least there is. */
	if (settings->processes < 1)
		settings->processes = 1;
	if (settings->threads < 1)
		settings->threads = 1;
	if (settings->lazy)
		settings->lazy_apps = true;
	if (settings->compat_2_0)
		uwsgi_log("*** compat = uwsgi-2.0: SIGTERM reloads unless die-on-term is set, unix sockets take the "
			  "umask ***\n");
	settings->enable_threads = (settings->enable_threads && !settings->disable_threads) || settings->threads > 1;
	if (settings->procname || settings->procname_prefix || settings->procname_prefix_spaced ||
	    settings->procname_append || settings->procname_master)
		settings->auto_procname = true;
	for (size_t i = 0; i < settings->nsockets; i++)
		if (!settings->sockets[i].protocol)
			settings->sockets[i].protocol = settings->protocol ? settings->protocol : "uwsgi";
	return 0;
}
