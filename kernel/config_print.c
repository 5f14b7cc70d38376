/* config_print.c - what the configuration can tell about itself: show-config, explain, get, help, and typing mistakes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uwsgi/log.h>

#include "config_parts.h"

/* ---- entries ---- */

/* Does the value hold something that must not be shown?  An option says so itself; "env = X_PASSWORD=..." by its name.
 */
static bool is_secret(const struct config_entry *entry)
{
	static const char *const signs[] = { "PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL" };
	if (entry->target.opt && (entry->target.opt->flags & UWSGI_OPT_SECRET))
		return true;
	const char *name = strcmp(entry->key, "env") && strcmp(entry->key, "ienv") ? entry->key : entry->value;
	const char *end = name ? strchrnul(name, '=') : NULL;
	bool is_env = name && name == entry->value;
	for (size_t i = 0; is_env && i < sizeof signs / sizeof *signs; i++) {
		const char *hit = strcasestr(name, signs[i]);
		if (hit && hit < end)
			return true;
	}
	return false;
}

void config_print_show(const struct config *config)
{
	uwsgi_log(";uWSGI instance configuration\n[uwsgi]\n");
	for (size_t i = 0; i < config->n; i++) {
		const struct config_entry *entry = config->entries[i];
		const char *value = entry->value && *entry->value ? entry->value : "true";
		uwsgi_log("%s = %s\n", entry->key, is_secret(entry) ? "***" : value);
	}
	uwsgi_log(";end of configuration\n");
}

/* A later entry of the same option takes its place, unless the option takes many. */
static bool is_effective(const struct config *config, size_t i)
{
	const struct uwsgi_option *opt = config->entries[i]->target.opt;
	if (!opt || opt->type == UWSGI_OPT_LIST || opt->type == UWSGI_OPT_CALL)
		return true;
	for (size_t j = i + 1; j < config->n; j++)
		if (config->entries[j]->target.opt == opt)
			return false;
	return true;
}

static const char *kind_of(const struct config_entry *entry)
{
	if (entry->target.opt || entry->target.format)
		return "";
	return entry->target.known ? " (known, not there yet)" : " (placeholder)";
}

static void print_explain(const struct config *config)
{
	for (size_t i = 0; i < config->n; i++) {
		const struct config_entry *entry = config->entries[i];
		if (!is_effective(config, i))
			continue;
		const char *value = entry->value && *entry->value ? entry->value : "true";
		char text[512];
		snprintf(text, sizeof text, "%s = %s", entry->key, is_secret(entry) ? "***" : value);
		printf("%-50s ; %s%s\n", text, entry->where, kind_of(entry));
	}
}

static void print_check(const struct config *config)
{
	for (size_t i = 0; i < config->files.n; i++)
		printf("%s%s", i ? ", " : "", config->files.v[i]);
	printf("%sconfiguration is valid\n", config->files.n ? ": " : "");
}

static void print_names(struct config *config)
{
	const struct uwsgi_option *opt;
	for (size_t i = 0; (opt = option_at(config->host.options, i, NULL)); i++)
		if (!(opt->flags & UWSGI_OPT_HIDDEN))
			printf("%s\n", opt->name);
}

/* Answer what the command line asked for; sets the result when there is nothing to start. */
void config_print_actions(struct config *config)
{
	const struct config_actions *actions = &config->actions;
	if (actions->show_config)
		config_print_show(config);
	if (actions->version)
		printf("%s\n", config->host.version ? config->host.version : "unknown");
	if (actions->dump_options)
		print_names(config);
	if (actions->markdown)
		config_print_markdown(config);
	for (size_t i = 0; i < actions->get.n; i++) {
		const char *value = config_get(config, actions->get.v[i]);
		printf("%s\n", value ? value : "");
	}
	if (actions->explain)
		print_explain(config);
	if (actions->check)
		print_check(config);
	if (actions->version || actions->dump_options || actions->markdown || actions->get.n || actions->explain ||
	    actions->check)
		config->result = CONFIG_DONE;
	fflush(stdout);
}

/* ---- typing mistakes ---- */

const char *config_nearest(const struct config *config, const char *word)
{
	const char *nearest = NULL;
	size_t best = word_tolerance(word) + 1;
	const struct uwsgi_option *opt;
	for (size_t i = 0; (opt = option_at(config->host.options, i, NULL)); i++) {
		size_t distance = opt->flags & UWSGI_OPT_HIDDEN ? best : word_distance(word, opt->name);
		if (distance < best) {
			best = distance;
			nearest = opt->name;
		}
	}
	for (size_t i = 0; i < config->known.n; i++) {
		size_t distance = word_distance(word, config->known.v[i].name);
		if (distance < best) {
			best = distance;
			nearest = config->known.v[i].name;
		}
	}
	return nearest;
}

void config_warn_unknown(struct config *config)
{
	for (size_t i = 0; i < config->n; i++) {
		const struct config_entry *entry = config->entries[i], *first = config_first(config, entry->key);
		if (entry->target.opt || entry->target.format || entry->target.known || first->used || first != entry)
			continue;
		const char *nearest = config_nearest(config, entry->key);
		if (nearest)
			uwsgi_log("%s: %s: no such option, did you mean %s? It is kept as a placeholder\n",
				  entry->where, entry->key, nearest);
		else if (!entry->from_environment)
			uwsgi_log("%s: %s: no such option, it is kept as a placeholder\n", entry->where, entry->key);
	}
}

/* ---- options ---- */

static const char *group_of(const struct uwsgi_option *opt)
{
	return opt->group ? opt->group : "other";
}

/* Is row i the first of its group? */
static bool begins_group(const struct option_registry *reg, size_t i)
{
	const char *group = group_of(option_at(reg, i, NULL));
	for (size_t j = 0; j < i; j++) {
		const struct uwsgi_option *other = option_at(reg, j, NULL);
		if (!other->alias_of && !(other->flags & UWSGI_OPT_HIDDEN) && !strcmp(group_of(other), group))
			return false;
	}
	return true;
}

/* The two ways to list options: for the terminal and for a page. */
struct printer {
	void (*heading)(const char *group);
	void (*option)(const struct option_registry *reg, const struct uwsgi_option *opt);
	void (*format)(const struct uwsgi_config_format *format);
};

/* Every format can be read by an option of its name, which is no row of any table. */
static void each_format(const struct config *config, void (*print)(const struct uwsgi_config_format *format))
{
	const struct uwsgi_config_format *format;
	for (size_t i = 0; config->host.format_at && (format = config->host.format_at(config->host.ctx, i)); i++)
		print(format);
}

/* Walk the visible options group by group. */
static void each_by_group(const struct config *config, const struct printer *printer, const char *only)
{
	const struct option_registry *reg = config->host.options;
	const struct uwsgi_option *first, *opt;
	for (size_t i = 0; (first = option_at(reg, i, NULL)); i++) {
		const char *group = group_of(first);
		if (first->alias_of || (first->flags & UWSGI_OPT_HIDDEN) || !begins_group(reg, i) ||
		    (only && strcasecmp(only, group)))
			continue;
		printer->heading(group);
		for (size_t j = i; (opt = option_at(reg, j, NULL)); j++)
			if (!opt->alias_of && !(opt->flags & UWSGI_OPT_HIDDEN) && !strcmp(group_of(opt), group))
				printer->option(reg, opt);
		if (!strcmp(group, CONFIG_GROUP))
			each_format(config, printer->format);
	}
}

static void print_heading(const char *group)
{
	printf("\n%s\n", group);
}

static void print_line(const struct option_registry *reg, const struct uwsgi_option *opt)
{
	(void)reg;
	static const char *const args[] = { "", "", " VALUE", "[=VALUE]" };
	char left[96], letter[8] = "";
	if (opt->letter)
		snprintf(letter, sizeof letter, "-%c|", opt->letter);
	snprintf(left, sizeof left, "%s--%s%s", letter, opt->name, args[option_arg(opt)]);
	printf("    %-32s %s\n", left, opt->help ? opt->help : "");
}

static void print_format(const struct uwsgi_config_format *format)
{
	char left[96];
	snprintf(left, sizeof left, "--%s VALUE", format->name);
	printf("    %-32s read a configuration file of this format (%s)\n", left, format->suffixes);
}

static const struct printer for_terminal = { print_heading, print_line, print_format };

/* Of what upstream knows, is this neither an option nor a format here? */
static bool is_missing(struct config *config, const struct known_option *known)
{
	return config_lookup(config, known->name).known != NULL;
}

static size_t count_missing(struct config *config)
{
	size_t missing = 0;
	for (size_t i = 0; i < config->known.n; i++)
		missing += is_missing(config, &config->known.v[i]);
	return missing;
}

static void print_missing(struct config *config)
{
	print_heading("upstream (known, not there yet)");
	for (size_t i = 0; i < config->known.n; i++)
		if (is_missing(config, &config->known.v[i]))
			printf("    --%-30s %s\n", config->known.v[i].name, config->known.v[i].meaning);
}

/* Lists are of everything there is.  Looking up a name that cannot exist reads the list of upstream options. */
static void complete_tables(struct config *config)
{
	if (config->host.load_all)
		config->host.load_all(config->host.ctx);
	config_lookup(config, "");
}

void config_print_help(struct config *config)
{
	const char *only = config->actions.help_group;
	complete_tables(config);
	printf("Usage: uwsgi [options...] [file.ini[:section]...]\n");
	if (only && !strcmp(only, "upstream"))
		print_missing(config);
	else
		each_by_group(config, &for_terminal, only);
	if (!only)
		printf("\n%zu options of uWSGI 2.0 are known and not there yet: uwsgi --help=upstream\n",
		       count_missing(config));
	fflush(stdout);
}

static void markdown_heading(const char *group)
{
	printf("\n## %s\n\n| option | value | meaning |\n|---|---|---|\n", group);
}

static void markdown_line(const struct option_registry *reg, const struct uwsgi_option *opt)
{
	static const char *const types[] = { "yes/no", "yes/no", "number", "number", "number",
					     "MiB",    "text",	 "list",   "text" };
	const struct uwsgi_option *other;
	printf("| `%s`", opt->name);
	if (opt->letter)
		printf(" `-%c`", opt->letter);
	for (size_t i = 0; (other = option_at(reg, i, NULL)); i++)
		if (other->alias_of && !strcmp(other->alias_of, opt->name))
			printf(" `%s`", other->name);
	printf(" | %s | %s |\n", option_arg(opt) == UWSGI_ARG_NONE ? "yes/no" : types[opt->type],
	       opt->help ? opt->help : "");
}

static void markdown_format(const struct uwsgi_config_format *format)
{
	printf("| `%s` | text | read a configuration file of this format (%s) |\n", format->name, format->suffixes);
}

static const struct printer for_page = { markdown_heading, markdown_line, markdown_format };

void config_print_markdown(struct config *config)
{
	complete_tables(config);
	printf("# Options\n\nGenerated by `uwsgi --options-markdown`.  Names in one cell mean the same.\n");
	each_by_group(config, &for_page, NULL);
}
