/* settings.h - what the kernel's own options set.  main owns the one instance; every part gets the fields it needs. */
#ifndef KERNEL_SETTINGS_H
#define KERNEL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <uwsgi/option.h>

/* A socket the kernel's own options asked for. */
struct settings_socket {
	const char *address;
	const char *protocol; /* before settings_finish, NULL means: what `protocol` says in the end */
};

struct settings {
	/* processes */
	bool master;
	int processes; /* >= 1 after settings_finish; 0 when there is nothing to listen on */
	int threads;   /* cores of a worker, >= 1 after settings_finish */
	bool enable_threads, disable_threads;
	bool lazy_apps;
	bool need_app; /* true unless the configuration says otherwise */
	bool no_server;
	bool die_on_term;
	bool vacuum;
	bool no_orphans;
	int worker_reload_mercy, reload_mercy; /* seconds */
	int reload_deadline;		       /* seconds for a new generation to be ready; 0: none */
	int max_crashes; /* young deaths of one process in a row that end the server; 0: none do */
	bool lazy, chain, exit_on_reload;
	bool compat_2_0;
	int max_requests; /* 0: never */
	const char *pidfile, *pidfile2, *safe_pidfile, *safe_pidfile2;
	bool auto_procname;
	const char *procname, *procname_prefix, *procname_prefix_spaced, *procname_append, *procname_master;
	bool memory_report;

	/* environment */
	const char *chdir, *chdir2;
	const char *chown_socket, *chmod_socket; /* chmod_socket "" means 666 */

	/* sockets */
	struct settings_socket *sockets; /* in the order of the configuration; protocols filled in by settings_finish */
	size_t nsockets;
	int listen;	      /* backlog */
	const char *protocol; /* of `socket` without a type of its own; NULL: uwsgi */
	int buffer_size;      /* bytes of a request head */
	int max_vars;
	int socket_timeout; /* seconds without progress */
	int keep_alive;	    /* seconds an idle connection is kept */
	int64_t limit_post; /* bytes; 0: none */
	int post_buffering;
	bool so_keepalive, reuse_port;

	/* requests */
	bool manage_script_name, no_default_app;
	struct uwsgi_strings add_headers; /* "Name: value" */
	bool disable_logging;
	bool log_4xx, log_5xx, log_zero, log_micros, log_x_forwarded_for;
	bool log_sendfile, log_ioerror;
	int log_slow, log_big;
	const char *log_format;
	bool logformat_strftime;
	const char *request_id; /* name of the header; NULL: requests have no id */
	bool ignore_sigpipe, ignore_write_errors, disable_write_exception;

	/* plugins */
	struct uwsgi_strings plugin_dirs;
	bool no_autoload;
};

struct option_registry;

/* Fill in the defaults and register the kernel's rows. */
int settings_register(struct settings *settings, struct option_registry *options);
/* After all options were applied: check combinations and derive the rest.  0, or -EINVAL after logging why. */
int settings_finish(struct settings *settings);

#endif
