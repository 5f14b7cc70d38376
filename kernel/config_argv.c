/* config_argv.c - keys from the command line and from the environment.
 *
 * The command line follows getopt_long: options and file names in any order, unambiguous beginnings of names, letters
 * in one word, "--" ends the options.  It is read here and not by getopt because the table grows while it is being
 * read. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uwsgi/log.h>

#include "config_parts.h"

static const char here[] = "command line";

struct argv {
	struct config *config;
	char **next; /* the word after the one in hand */
};

static enum uwsgi_opt_arg arg_of(const struct config_target *target)
{
	if (target->opt)
		return option_arg(target->opt);
	return target->known ? target->known->arg : UWSGI_ARG_REQUIRED;
}

static bool is_option(const struct config_target *target)
{
	return target->opt || target->format || target->known;
}

/* ---- names ---- */

struct candidates {
	const char *prefix, *names[8];
	size_t n;
	const struct uwsgi_option *opt; /* the option the first name means */
};

/* Two names of one option are no ambiguity. */
static void consider(struct config *config, struct candidates *found, const char *name)
{
	if (strncmp(name, found->prefix, strlen(found->prefix)))
		return;
	const struct uwsgi_option *opt = option_find(config->host.options, name);
	if (found->n && ((opt && opt == found->opt) || !strcmp(name, found->names[0])))
		return;
	if (!found->n)
		found->opt = opt;
	if (found->n < sizeof found->names / sizeof *found->names)
		found->names[found->n++] = name;
}

static void suggest(struct config *config, const char *name)
{
	const char *nearest = config_nearest(config, name);
	if (nearest)
		config_fail(config, "unrecognized option '--%s', did you mean --%s?", name, nearest);
	else
		config_fail(config, "unrecognized option '--%s', see --help", name);
}

/* The full name of the option that begins so; NULL after saying what is wrong. */
static const char *complete(struct config *config, const char *prefix)
{
	struct candidates found = { .prefix = prefix };
	for (size_t i = 0; option_at(config->host.options, i, NULL); i++)
		consider(config, &found, option_at(config->host.options, i, NULL)->name);
	for (size_t i = 0; i < config->known.n; i++)
		if (!option_find(config->host.options, config->known.v[i].name))
			consider(config, &found, config->known.v[i].name);
	if (found.n == 1)
		return found.names[0];
	if (!found.n) {
		suggest(config, prefix);
		return NULL;
	}
	char list[512] = "";
	for (size_t i = 0; i < found.n; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), " --%s", found.names[i]);
	config_fail(config, "option '--%s' is ambiguous, it could be%s", prefix, list);
	return NULL;
}

static int take_long(struct argv *argv, const char *word)
{
	struct config *config = argv->config;
	const char *equals = strchr(word, '=');
	char *name = strndup(word, equals ? (size_t)(equals - word) : strlen(word));
	if (!name)
		return config_fail(config, "out of memory, not starting");
	const char *key = name;
	struct config_target target = config_lookup(config, name);
	if (!is_option(&target)) {
		key = complete(config, name);
		if (!key)
			return -1;
		target = config_lookup(config, key);
	}
	const char *value = equals ? equals + 1 : NULL;
	enum uwsgi_opt_arg arg = arg_of(&target);
	if (arg == UWSGI_ARG_REQUIRED && !value && !(value = *argv->next))
		return config_fail(config, "option '--%s' requires an argument", key);
	if (arg == UWSGI_ARG_REQUIRED && !equals)
		argv->next++;
	return config_collect(config, key, value, here);
}

/* ---- letters ---- */

/* The name behind a letter, and whether it takes an argument. */
static const char *name_of_letter(struct config *config, char letter, enum uwsgi_opt_arg *arg_r)
{
	char text[] = { letter, '\0' };
	const struct uwsgi_option *opt = option_find_letter(config->host.options, letter);
	if (!opt && config->host.autoload && config->host.autoload(config->host.ctx, "option-letter", text))
		opt = option_find_letter(config->host.options, letter);
	if (opt) {
		*arg_r = opt->alias_of ? UWSGI_ARG_REQUIRED : option_arg(opt);
		return opt->alias_of ? opt->alias_of : opt->name;
	}
	config_lookup(config, text); /* reads the list of known options */
	const struct known_option *known = known_find_letter(&config->known, letter);
	*arg_r = known ? known->arg : UWSGI_ARG_NONE;
	return known ? known->name : NULL;
}

static int take_letters(struct argv *argv, const char *letters)
{
	struct config *config = argv->config;
	for (; *letters; letters++) {
		enum uwsgi_opt_arg arg;
		const char *key = name_of_letter(config, *letters, &arg), *value = NULL;
		if (!key)
			return config_fail(config, "invalid option -- '%c', see --help", *letters);
		if (arg != UWSGI_ARG_NONE && letters[1])
			value = letters + 1;
		else if (arg == UWSGI_ARG_REQUIRED && !(value = *argv->next))
			return config_fail(config, "option requires an argument -- '%c'", *letters);
		else if (value)
			argv->next++;
		if (config_collect(config, key, value, here))
			return -1;
		if (value)
			break;
	}
	return 0;
}

int config_read_argv(struct config *config, int argc, char **words)
{
	struct argv argv = { config, words + 1 };
	struct uwsgi_strings files = { 0 };
	bool options = true;
	config->where = here;
	if (argc < 1)
		return 0;
	while (*argv.next) {
		const char *word = *argv.next++;
		int rc;
		if (options && !strcmp(word, "--")) {
			options = false;
			continue;
		}
		if (options && !strncmp(word, "--", 2))
			rc = take_long(&argv, word + 2);
		else if (options && word[0] == '-' && word[1])
			rc = take_letters(&argv, word + 1);
		else
			rc = strings_add(&files, word);
		if (rc)
			return rc;
	}
	/* Files named without an option come after every option, wherever they stand. */
	for (size_t i = 0; i < files.n; i++)
		if (config_load_positional(config, files.v[i]))
			return -1;
	return 0;
}

/* ---- environment ---- */

static int take_variable(struct config *config, const char *variable)
{
	const char *equals = strchr(variable, '=');
	char *name = strndup(variable, (size_t)(equals - variable));
	char *key = name ? strdup(name + strlen("UWSGI_")) : NULL;
	if (!key)
		return config_fail(config, "out of memory, not starting");
	for (char *c = key; *c; c++)
		*c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
	config_lookup(config, key); /* reads the list of private keys, unless the key is an option */
	int rc = *key && !known_is_private(&config->known, key) ? config_collect(config, key, equals + 1, name) : 0;
	free(name);
	free(key);
	return rc;
}

int config_read_environment(struct config *config)
{
	/* Applying one may change the environment, so it is copied first. */
	struct uwsgi_strings variables = { 0 };
	for (char **at = environ; at && *at; at++)
		if (!strncmp(*at, "UWSGI_", 6) && strchr(*at, '=') && strings_add(&variables, *at))
			return config_fail(config, "out of memory, not starting");
	config->from_environment = true;
	int rc = 0;
	for (size_t i = 0; i < variables.n && !rc; i++)
		rc = take_variable(config, variables.v[i]);
	config->from_environment = false;
	return rc;
}
