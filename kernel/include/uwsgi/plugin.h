/* uwsgi/plugin.h - the table a plugin exports.
 *
 * Everything but .name may be left out.  Order of life, for a server with a master:
 *
 *   [main]    dlopen, tables registered, on_load; configuration is applied; init; sockets are bound
 *   [zygote]  load (one per generation): start the language, load the application
 *   [worker]  post_fork, then in each thread thread_init, then request for each request; atexit at the end
 *   [other kinds forked by the zygote] post_fork, the kind's run, atexit
 *
 * A server without a master does all of it in one process, in this order.  The master itself runs nothing of a plugin
 * after init but hooks that say so. */
#ifndef UWSGI_PLUGIN_H
#define UWSGI_PLUGIN_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

struct uwsgi_api_const;
struct uwsgi_api_fn;
struct uwsgi_hook;
struct uwsgi_kind;
struct uwsgi_option;
struct uwsgi_protocol;
struct uwsgi_request;
struct uwsgi_service;

/* Receives what a configuration format read, in order.  `line` is 0 when unknown.  Text is copied. */
typedef void uwsgi_config_emit(void *ctx, const char *key, const char *value, int line);

/* A configuration file format.  A table ends with an all-zero row. */
struct uwsgi_config_format {
	const char *name;     /* "xml": the option --xml reads it */
	const char *suffixes; /* space separated, with dots: ".yml .yaml" */
	/* Parse text[0..len) and emit the keys of `section`.  0, or a negative errno with a message of at most
	 * `error_size` bytes in `error_r` ("line 3: mismatched tag"); -ENOENT: no such section.  [main] */
	int (*parse)(const char *text, size_t len, const char *section, uwsgi_config_emit *emit, void *ctx,
		     char *error_r, size_t error_size);
};

struct uwsgi_plugin {
	const char *name;  /* required */
	const char *alias; /* other names it answers to in --plugin, space separated */
	uint8_t modifier1; /* the modifier its .request answers */
	void *data;	   /* for the plugin */

	void (*on_load)(void); /* [main] right after loading, configuration not known yet */
	int (*init)(void);     /* [main] configuration applied, before the sockets are bound.  A negative result is
				  logged, and ends the start only when .strict is set: see uwsgi_cause */

	const struct uwsgi_option *options;
	const struct uwsgi_hook *hooks;
	const struct uwsgi_service *services;
	const struct uwsgi_api_fn *api;
	const struct uwsgi_api_const *api_consts;
	const struct uwsgi_protocol *protocols;
	const struct uwsgi_config_format *config_formats;
	const struct uwsgi_kind *kinds;
	const char *needs; /* plugins that must be loaded too, space separated */
	uint32_t strict;   /* non-zero: a negative init ends the start */

	/* [zygote] Load the application.  The number of applications loaded (0: none configured), or a negative errno
	 * after uwsgi_cause: the generation is given up with exit status 22. */
	int (*load)(void);
	int (*post_fork)(void);	       /* [child] after the fork.  Negative: the process ends */
	void (*thread_init)(int core); /* [worker] in each thread before its first request */
	void (*thread_exit)(int core); /* [worker] in each thread but the first, before it ends */
	/* [worker] Answer one request, completely.  The result is ignored but for the log: negative means failed. */
	int (*request)(struct uwsgi_request *req);
	void (*atexit)(void); /* [child] orderly end */

	/* since 1.1: [worker] Run in place of the kernel's accept loop, after uwsgi_worker_own.  The exit status;
	 * -ENOENT, at once: this is not wanted. */
	int (*worker)(int number);
};

/* This worker serves by itself from now on, see uwsgi_plugin.worker: the listening sockets (uwsgi_sockets) block,
 * signals have their default meaning (SIGTERM becomes SIGHUP where only that is handled), the process ends with the
 * master, and counts as ready; as accepting only after uwsgi_proc_accepting.  [worker] */
UWSGI_API void uwsgi_worker_own(void);

/* Does a loaded plugin answer the requests of this modifier?  [any] */
UWSGI_API bool uwsgi_modifier_answered(uint8_t modifier1);

UWSGI_END_DECLS
#endif
