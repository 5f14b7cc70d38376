/* config.h - from argv, environment and files to applied options. */
#ifndef KERNEL_CONFIG_H
#define KERNEL_CONFIG_H

#include <stdbool.h>
#include <uwsgi/option.h>
#include <uwsgi/plugin.h>

struct config;
struct option_registry;

/* What the configuration asks of the rest of the kernel.  Functions may be NULL: then there is no such thing. */
struct config_host {
	struct option_registry *options;
	void *ctx;
	const char *version;
	/* Load a list such as "a,b 0:c,/x/y.so".  Unless `required`, one that cannot be loaded is logged and no error.
	 */
	int (*load_plugins)(void *ctx, const char *list, bool required);
	/* Look in the manifests for who has the "option", "option-letter", "format" (its name, or a suffix with its
	 * dot) or "claim" of that name and load it.  True when something was loaded. */
	bool (*autoload)(void *ctx, const char *what, const char *name);
	/* A loaded format, by its name or by a suffix with its dot. */
	const struct uwsgi_config_format *(*format)(void *ctx, const char *name_or_suffix);
	/* Load every plugin there is, for the lists of all options; the i-th loaded format, NULL after the last. */
	void (*load_all)(void *ctx);
	const struct uwsgi_config_format *(*format_at)(void *ctx, size_t i);
	bool (*has_plugin)(void *ctx, const char *name);
	/* Path of the list of all options upstream knows; NULL: not installed. */
	const char *(*upstream_options)(void *ctx);
	/* Called when all options were applied: check what must hold between them.  0, or negative after logging why.
	 */
	int (*finish)(void *ctx);
};

enum {
	CONFIG_START = 0, /* go on and start the server */
	CONFIG_DONE = 1,  /* all that was asked for is done: exit with status 0 */
};

/* Registers the configuration's own options (ini, set, if-env, ...) in host->options.  NULL: out of memory, or a name
 * is taken, which was logged.  It lives as long as the process: values are promised to be valid for ever. */
struct config *config_create(const struct config_host *host);

/* CONFIG_START, CONFIG_DONE, or the negated exit status after logging why. */
int config_run(struct config *config, int argc, char **argv);

/* See uwsgi_option_get and uwsgi_option_each. */
const char *config_get(const struct config *config, const char *name);
void config_each(const struct config *config, void (*fn)(const char *key, const char *value, void *data), void *data);

#endif
