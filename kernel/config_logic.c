/* config_logic.c - for and if: keys between an opener and its end are repeated, kept or dropped.
 *
 * Blocks work on lines, not on groups: a loop around two keys gives all of the first, then all of the second.  They do
 * not nest. */
#include <errno.h>
#include <glob.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_parts.h"
#include "config_text.h"

/* ---- conditions: true or false, and the text %(_) stands for when true ---- */

typedef bool condition(struct config *config, const char *arg, const char **tested_r);

/* Split "name=value"; the value is NULL without a '='. */
static char *split_name(const char *arg, const char **value_r)
{
	const char *equals = strchr(arg, '=');
	*value_r = equals ? equals + 1 : NULL;
	return strndup(arg, equals ? (size_t)(equals - arg) : strlen(arg));
}

static bool test_env(struct config *config, const char *arg, const char **tested_r)
{
	(void)config;
	const char *wanted;
	char *name = split_name(arg, &wanted);
	const char *value = name ? getenv(name) : NULL;
	free(name);
	*tested_r = value;
	return value && (!wanted || !strcmp(value, wanted));
}

static bool test_opt(struct config *config, const char *arg, const char **tested_r)
{
	const char *wanted;
	char *name = split_name(arg, &wanted);
	bool found = false;
	for (size_t i = 0; name && i < config->n && !found; i++) {
		struct config_entry *entry = config->entries[i];
		if (strcmp(entry->key, name))
			continue;
		entry->used = true;
		*tested_r = entry->value ? entry->value : "";
		found = !wanted || !strcmp(*tested_r, wanted);
	}
	free(name);
	return found;
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	return stat(path, &st) ? 0 : st.st_mode;
}

static bool test_exists(struct config *config, const char *arg, const char **tested_r)
{
	(void)config;
	*tested_r = arg;
	return mode_of(arg) != 0;
}

static bool test_file(struct config *config, const char *arg, const char **tested_r)
{
	(void)config;
	*tested_r = arg;
	return S_ISREG(mode_of(arg));
}

static bool test_dir(struct config *config, const char *arg, const char **tested_r)
{
	(void)config;
	*tested_r = arg;
	return S_ISDIR(mode_of(arg));
}

static bool test_plugin(struct config *config, const char *arg, const char **tested_r)
{
	*tested_r = arg;
	return config->host.has_plugin && config->host.has_plugin(config->host.ctx, arg);
}

static bool test_reload(struct config *config, const char *arg, const char **tested_r)
{
	(void)config;
	*tested_r = arg;
	const char *reloads = getenv("UWSGI_RELOADS");
	return reloads && atoi(reloads) > 0;
}

static bool test_hostname(struct config *config, const char *arg, const char **tested_r)
{
	(void)config;
	char host[256] = "";
	gethostname(host, sizeof host - 1);
	*tested_r = arg;
	return !strcmp(host, arg);
}

static bool test_hostname_match(struct config *config, const char *arg, const char **tested_r)
{
	(void)config;
	char host[256] = "";
	gethostname(host, sizeof host - 1);
	*tested_r = arg;
	regex_t regex;
	if (regcomp(&regex, arg, REG_EXTENDED | REG_NOSUB))
		return false;
	bool matches = !regexec(&regex, host, 0, NULL, 0);
	regfree(&regex);
	return matches;
}

static const struct {
	const char *name, *help;
	condition *test;
} conditions[] = {
	{ "if-env", "keep the following keys only if the environment has NAME or NAME=VALUE", test_env },
	{ "if-opt", "keep the following keys only if NAME or NAME=VALUE was given before", test_opt },
	{ "if-exists", "keep the following keys only if the path exists", test_exists },
	{ "if-file", "keep the following keys only if the path is a file", test_file },
	{ "if-dir", "keep the following keys only if the path is a directory", test_dir },
	{ "if-plugin", "keep the following keys only if the plugin is loaded", test_plugin },
	{ "if-reload", "keep the following keys only after a reload", test_reload },
	{ "if-hostname", "keep the following keys only on this host", test_hostname },
	{ "if-hostname-match", "keep the following keys only on hosts that match the expression", test_hostname_match },
};

/* ---- loops: the words of an argument ---- */

static int loop_words(struct uwsgi_strings *words, const char *arg)
{
	return text_split(words, arg, " \t");
}

static int loop_times(struct uwsgi_strings *words, const char *arg)
{
	int times = atoi(arg), rc = 0;
	for (int i = 1; i <= times && !rc; i++) {
		char text[16];
		snprintf(text, sizeof text, "%d", i);
		rc = strings_add(words, text);
	}
	return rc;
}

static int loop_glob(struct uwsgi_strings *words, const char *arg)
{
	glob_t found;
	if (glob(arg, GLOB_MARK | GLOB_NOCHECK, NULL, &found))
		return -ENOMEM;
	int rc = 0;
	for (size_t i = 0; i < found.gl_pathc && !rc; i++)
		rc = strings_add(words, found.gl_pathv[i]);
	globfree(&found);
	return rc;
}

static int loop_lines(struct uwsgi_strings *words, const char *arg)
{
	char error[128], *text;
	size_t len;
	int rc = resource_read(arg, &text, &len, error, sizeof error);
	if (rc)
		return rc;
	char *rest = text;
	for (char *line; !rc && (line = strsep(&rest, "\n"));)
		if (*line || rest)
			rc = strings_add(words, line);
	free(text);
	return rc;
}

static const struct {
	const char *name, *help;
	int (*words)(struct uwsgi_strings *words, const char *arg);
} loops[] = {
	{ "for", "repeat the following keys for each word, which %(_) stands for", loop_words },
	{ "for-times", "repeat the following keys for 1 to N", loop_times },
	{ "for-glob", "repeat the following keys for each path that matches", loop_glob },
	{ "for-readline", "repeat the following keys for each line of a file", loop_lines },
};

#define COUNT(ARRAY) (sizeof(ARRAY) / sizeof *(ARRAY))

/* ---- the directives ---- */

static int open_loop(struct config *config, size_t which, const char *arg)
{
	config->block = (struct config_block){ .open = true, .loop = true };
	int rc = loops[which].words(&config->block.words, arg);
	return rc ? config_fail(config, "%s = %s: %s, not starting", loops[which].name, arg, strerror(-rc)) : 0;
}

static int open_condition(struct config *config, size_t which, const char *arg, bool negated)
{
	const char *tested = NULL;
	bool holds = conditions[which].test(config, arg, &tested);
	/* A copy, because the environment may change while the block is open. */
	char *copy = holds && !negated && tested ? strdup(tested) : NULL;
	config->block = (struct config_block){ .open = true, .keep = holds != negated, .tested = copy };
	return 0;
}

static int apply_open(const char *key, const char *value, void *data)
{
	struct config *config = data;
	const struct uwsgi_option *opt = option_find(config->host.options, key);
	if (config->block.open)
		return config_fail(config, "%s: recursive logic in options is not supported, close the block before",
				   key);
	for (size_t i = 0; i < COUNT(loops); i++)
		if (!strcmp(opt->name, loops[i].name))
			return open_loop(config, i, value);
	bool negated = !strncmp(opt->name, "if-not-", 7);
	for (size_t i = 0; i < COUNT(conditions); i++)
		if (!strcmp(opt->name + (negated ? 7 : 3), conditions[i].name + 3))
			return open_condition(config, i, value, negated);
	return -EINVAL;
}

static int apply_else(const char *key, const char *value, void *data)
{
	struct config *config = data;
	(void)value;
	if (!config->block.open || config->block.loop)
		return config_fail(config, "%s without an open if", key);
	config->block.keep = !config->block.keep;
	config->block.tested = NULL;
	return 0;
}

static int apply_end(const char *key, const char *value, void *data)
{
	struct config *config = data;
	(void)key;
	(void)value;
	config->block = (struct config_block){ 0 };
	return 0;
}

bool config_logic_is_control(const struct uwsgi_option *opt)
{
	return opt->apply == apply_open || opt->apply == apply_else || opt->apply == apply_end;
}

static struct uwsgi_option row(const char *name, const char *help, int (*apply)(const char *, const char *, void *),
			       enum uwsgi_opt_arg arg)
{
	return (struct uwsgi_option){
		.name = name,
		.type = UWSGI_OPT_CALL,
		.arg = arg,
		.flags = UWSGI_OPT_IMMEDIATE,
		.help = help,
		.group = CONFIG_GROUP,
		.apply = apply,
	};
}

/* Each condition is two options, itself and its negation: the rows are made, not written. */
int config_logic_register(struct config *config)
{
	static const struct uwsgi_option spellings[] = {
		{ "else", 0, UWSGI_OPT_CALL, UWSGI_ARG_OPTIONAL, UWSGI_OPT_IMMEDIATE, NULL,
		  "keep the following keys if those before were dropped", CONFIG_GROUP, NULL, apply_else },
		{ "end", 0, UWSGI_OPT_CALL, UWSGI_ARG_OPTIONAL, UWSGI_OPT_IMMEDIATE, NULL, "close a for or if block",
		  CONFIG_GROUP, NULL, apply_end },
		{ .name = "endfor", .alias_of = "end" },
		{ .name = "end-for", .alias_of = "end" },
		{ .name = "endif", .alias_of = "end" },
		{ .name = "end-if", .alias_of = "end" },
		{ .name = "ifenv", .alias_of = "if-env" },
		{ .name = "ifexists", .alias_of = "if-exists" },
		{ .name = "ifplugin", .alias_of = "if-plugin" },
		{ .name = "ifdir", .alias_of = "if-dir" },
		{ .name = "if-directory", .alias_of = "if-dir" },
		{ 0 },
	};
	struct uwsgi_option made[COUNT(loops) + 2 * COUNT(conditions) + 1] = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < COUNT(loops); i++)
		made[n++] = row(loops[i].name, loops[i].help, apply_open, UWSGI_ARG_REQUIRED);
	for (size_t i = 0; i < COUNT(conditions); i++) {
		enum uwsgi_opt_arg arg = conditions[i].test == test_reload ? UWSGI_ARG_NONE : UWSGI_ARG_REQUIRED;
		char *name = NULL;
		if (asprintf(&name, "if-not-%s", conditions[i].name + 3) == -1)
			return -ENOMEM;
		made[n++] = row(conditions[i].name, conditions[i].help, apply_open, arg);
		made[n++] = row(name, "the opposite", apply_open, arg);
	}
	int rc = option_register(config->host.options, "the kernel", made, sizeof *made, config);
	return rc ? rc : option_register(config->host.options, "the kernel", spellings, sizeof *spellings, config);
}
