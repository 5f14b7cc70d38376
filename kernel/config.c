/* config.c - from argv, environment and files to applied options, in the order of uWSGI 2.0:
 *
 *   collect: environment, command line, files named without an option; immediate options run here
 *   expand:  $(ENV), then @(resource), then %(placeholder), in everything that did not run yet
 *   apply:   in the order of collection; what an applied option adds is expanded and applied too
 *   answer:  --check, --explain, --get, ... */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/log.h>

#include "config_expand.h"
#include "config_parts.h"

struct config *config_create(const struct config_host *host)
{
	assert(host->options);
	struct config *config = calloc(1, sizeof *config);
	if (!config)
		return NULL;
	config->host = *host;
	if (config_directive_register(config) || config_logic_register(config)) {
		free(config);
		return NULL;
	}
	return config;
}

/* ---- expansion of entries ---- */

static const char *lookup_value(void *ctx, const char *name)
{
	struct config_entry *entry = config_first(ctx, name);
	if (!entry)
		return NULL;
	entry->used = true;
	return entry->value ? entry->value : "";
}

static char *pass_environment(struct config *config, const char *text, char *error_r, size_t error_size)
{
	(void)config;
	(void)error_r;
	(void)error_size;
	return expand_environment(text);
}

static char *pass_resources(struct config *config, const char *text, char *error_r, size_t error_size)
{
	(void)config;
	return expand_resources(text, error_r, error_size);
}

static char *pass_placeholders(struct config *config, const char *text, char *error_r, size_t error_size)
{
	return expand_placeholders(text, lookup_value, config, error_r, error_size);
}

/* One pass goes over all entries before the next begins, so a placeholder's value is seen with its $( ) done. */
static int expand(struct config *config)
{
	static char *(*const passes[])(struct config *, const char *, char *, size_t) = {
		pass_environment,
		pass_resources,
		pass_placeholders,
	};
	for (size_t pass = 0; pass < sizeof passes / sizeof *passes; pass++)
		for (size_t i = 0; i < config->n; i++) {
			struct config_entry *entry = config->entries[i];
			if (entry->expanded || entry->applied || !entry->value)
				continue;
			char error[256] = "";
			char *value = passes[pass](config, entry->value, error, sizeof error);
			config->where = entry->where;
			if (!value)
				return config_fail(config, "%s: %s, not starting", entry->key,
						   *error ? error : "out of memory");
			/* The text before is not freed: %( ) of another entry may be reading it. */
			entry->value = value;
		}
	for (size_t i = 0; i < config->n; i++)
		config->entries[i]->expanded = true;
	return 0;
}

static int apply(struct config *config)
{
	for (size_t i = 0; i < config->n; i++) {
		struct config_entry *entry = config->entries[i];
		if (entry->applied || (!entry->target.opt && !entry->target.format))
			continue;
		size_t before = config->n;
		if (config_apply_entry(config, entry))
			return -1;
		if (config->n != before && expand(config))
			return -1;
	}
	return 0;
}

static int run(struct config *config, int argc, char **argv)
{
	if (config_read_environment(config) || config_read_argv(config, argc, argv))
		return config->result ? config->result : -1;
	if (expand(config) || apply(config))
		return config->result ? config->result : -1;
	config_warn_unknown(config);
	/* Asking for the version or a value should work on any configuration that could be read. */
	bool ask = config->actions.version || config->actions.get.n || config->actions.dump_options ||
		   config->actions.markdown;
	if (!ask && config->host.finish && config->host.finish(config->host.ctx) < 0)
		return -1;
	config_print_actions(config);
	return config->result;
}

int config_run(struct config *config, int argc, char **argv)
{
	int result = run(config, argc, argv);
	config->where = NULL;
	return result;
}

const char *config_get(const struct config *config, const char *name)
{
	const struct config_entry *entry = config_last(config, name);
	if (!entry)
		return NULL;
	return entry->value ? entry->value : "";
}

void config_each(const struct config *config, void (*fn)(const char *key, const char *value, void *data), void *data)
{
	for (size_t i = 0; i < config->n; i++)
		fn(config->entries[i]->key, config->entries[i]->value, data);
}
