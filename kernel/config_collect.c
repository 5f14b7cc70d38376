/* config_collect.c - the list of keys that were given, in order: what each means, what may pass, what runs at once. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/log.h>

#include "config_parts.h"
#include "config_text.h"

int config_fail(struct config *config, const char *fmt, ...)
{
	char message[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(message, sizeof message, fmt, args);
	va_end(args);
	uwsgi_log("%s: %s\n", config->where ? config->where : "configuration", message);
	config->result = -1;
	return -1;
}

static bool autoload(struct config *config, const char *what, const char *name)
{
	return config->host.autoload && config->host.autoload(config->host.ctx, what, name);
}

static const struct uwsgi_config_format *find_format(struct config *config, const char *name)
{
	if (!config->host.format)
		return NULL;
	const struct uwsgi_config_format *format = config->host.format(config->host.ctx, name);
	if (!format && autoload(config, "format", name))
		format = config->host.format(config->host.ctx, name);
	return format;
}

static const struct known_option *find_known(struct config *config, const char *key)
{
	if (!config->known.loaded && config->host.upstream_options) {
		const char *path = config->host.upstream_options(config->host.ctx);
		int rc = path ? known_load(&config->known, path) : 0;
		if (rc)
			uwsgi_log("cannot read the list of upstream options %s: %s, unknown ones become placeholders\n",
				  path, strerror(-rc));
	}
	return known_find(&config->known, key);
}

struct config_target config_lookup(struct config *config, const char *key)
{
	struct config_target target = { .opt = option_find(config->host.options, key) };
	if (!target.opt && autoload(config, "option", key))
		target.opt = option_find(config->host.options, key);
	if (target.opt && target.opt->alias_of) {
		/* A second name of a format: "yml" is "yaml". */
		key = target.opt->alias_of;
		target.opt = NULL;
	}
	if (!target.opt)
		target.format = find_format(config, key);
	if (!target.opt && !target.format)
		target.known = find_known(config, key);
	return target;
}

struct config_entry *config_first(const struct config *config, const char *key)
{
	for (size_t i = 0; i < config->n; i++)
		if (!strcmp(config->entries[i]->key, key))
			return config->entries[i];
	return NULL;
}

struct config_entry *config_last(const struct config *config, const char *key)
{
	/* Another spelling of the same option counts too. */
	const struct uwsgi_option *opt = option_find(config->host.options, key);
	for (size_t i = config->n; i-- > 0;)
		if (!strcmp(config->entries[i]->key, key) || (opt && config->entries[i]->target.opt == opt))
			return config->entries[i];
	return NULL;
}

static struct config_entry *append(struct config *config, const char *key, const char *value, const char *where)
{
	if (config->n == config->cap) {
		size_t cap = config->cap ? config->cap * 2 : 64;
		struct config_entry **entries = realloc(config->entries, cap * sizeof *entries);
		if (!entries)
			return NULL;
		config->entries = entries;
		config->cap = cap;
	}
	struct config_entry *entry = calloc(1, sizeof *entry);
	if (!entry)
		return NULL;
	entry->key = strdup(key);
	entry->value = value ? strdup(value) : NULL;
	entry->where = strdup(where);
	entry->from_environment = config->from_environment;
	if (!entry->key || !entry->where || (value && !entry->value)) {
		free(entry);
		return NULL;
	}
	return config->entries[config->n++] = entry;
}

static bool contains(const struct uwsgi_strings *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], word))
			return true;
	return false;
}

static int pass_guards(struct config *config, const char *key)
{
	if (!strcmp(key, "end-blacklist") || !strcmp(key, "end-whitelist"))
		return 0;
	if (config->blacklisted && contains(&config->blacklist, key))
		return config_fail(config, "%s is on the blacklist, not starting", key);
	if (config->whitelisted && !contains(&config->whitelist, key))
		return config_fail(config, "%s is not on the whitelist, not starting", key);
	return 0;
}

/* A key that does nothing here: placeholders are for others to use, and known options are said to be missing. */
static int take_without_effect(struct config *config, struct config_entry *entry)
{
	if (entry->target.known) {
		if (config->strict)
			return config_fail(config, "%s is known but not there yet, refused because of strict",
					   entry->key);
		uwsgi_log("%s: %s is known but not there yet, ignored\n", entry->where, entry->key);
		return 0;
	}
	struct config_entry *first = config_first(config, entry->key);
	if (first != entry && first->used)
		entry->used = true;
	if (config->strict && !entry->used)
		return config_fail(config, "[strict-mode] unknown config directive: %s", entry->key);
	return 0;
}

int config_apply_entry(struct config *config, struct config_entry *entry)
{
	assert(!entry->applied);
	entry->applied = true;
	const char *outer = config->where;
	config->where = entry->where;
	const struct uwsgi_option *opt = entry->target.opt;
	int rc = 0;
	if (entry->target.format)
		rc = config_load(config, entry->value ? entry->value : "", entry->target.format);
	else if (opt)
		rc = option_apply(config->host.options, opt, entry->key, entry->value, entry->where);
	/* What is ours has named the place already; a plugin does not know it. */
	if (rc < 0 && opt && opt->type == UWSGI_OPT_CALL && opt->data != config)
		config_fail(config, "%s = %s was refused, not starting", entry->key, entry->value ? entry->value : "");
	if (rc < 0 && !config->result)
		config->result = -1;
	config->where = outer;
	return config->result ? -1 : 0;
}

static int collect_one(struct config *config, const char *key, const char *value)
{
	if (pass_guards(config, key))
		return -1;
	struct config_entry *entry = append(config, key, value, config->where);
	if (!entry)
		return config_fail(config, "out of memory, not starting");
	entry->target = config_lookup(config, key);
	if (!entry->target.opt && !entry->target.format)
		return take_without_effect(config, entry);
	if (entry->target.format || (entry->target.opt->flags & UWSGI_OPT_IMMEDIATE))
		return config_apply_entry(config, entry);
	return 0;
}

static int collect_word(struct config *config, const char *key, const char *value, const char *word)
{
	char *text = value ? text_replace(value, "%(_)", word) : NULL;
	if (value && !text)
		return config_fail(config, "out of memory, not starting");
	int rc = collect_one(config, key, text);
	free(text);
	return rc;
}

static int collect_in_block(struct config *config, const char *key, const char *value)
{
	/* A copy: an immediate option may close the block by reading a file. */
	struct config_block block = config->block;
	if (!block.loop)
		return !block.keep ? 0 : collect_word(config, key, value, block.tested ? block.tested : "%(_)");
	for (size_t i = 0; i < block.words.n; i++)
		if (collect_word(config, key, value, block.words.v[i]))
			return -1;
	return 0;
}

int config_collect(struct config *config, const char *key, const char *value, const char *where)
{
	if (config->result)
		return -1;
	const char *outer = config->where;
	config->where = where;
	const struct uwsgi_option *opt = option_find(config->host.options, key);
	bool control = opt && config_logic_is_control(opt);
	int rc =
		config->block.open && !control ? collect_in_block(config, key, value) : collect_one(config, key, value);
	config->where = outer;
	return rc;
}

int config_collect_pair(struct config *config, const char *pair, const char *where)
{
	const char *equals = strchr(pair, '=');
	if (!equals)
		return -1;
	char *key = strndup(pair, (size_t)(equals - pair));
	if (!key)
		return -1;
	int rc = config_collect(config, key, equals + 1, where);
	free(key);
	return rc;
}
