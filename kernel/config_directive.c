/* config_directive.c - the options that steer the configuration itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/log.h>

#include "config_parts.h"
#include "config_text.h"

/* ---- other files ---- */

static int apply_ini(const char *key, const char *value, void *data)
{
	(void)key;
	return config_load_ini(data, value);
}

static int apply_include(const char *key, const char *value, void *data)
{
	(void)key;
	return config_load(data, value, NULL);
}

/* ---- keys ---- */

static int apply_set(const char *key, const char *value, void *data)
{
	struct config *config = data;
	if (!strchr(value, '='))
		return config_fail(config, "invalid --%s value \"%s\", it must be key=value", key, value);
	size_t before = config->n;
	int rc = config_collect_pair(config, value, config->where);
	for (size_t i = before; i < config->n; i++)
		config->entries[i]->used = true;
	return rc;
}

static int apply_set_placeholder(const char *key, const char *value, void *data)
{
	struct config *config = data;
	const char *equals = strchr(value, '=');
	char *name = equals ? strndup(value, (size_t)(equals - value)) : NULL;
	if (!name)
		return config_fail(config, "invalid --%s value \"%s\", it must be key=value", key, value);
	struct config_target target = config_lookup(config, name);
	bool taken = target.opt || target.format;
	if (taken)
		config_fail(config, "you cannot use %s as a placeholder, it is an option", name);
	free(name);
	if (taken)
		return -1;
	bool strict = config->strict;
	config->strict = false;
	int rc = apply_set(key, value, data);
	config->strict = strict;
	return rc;
}

static int apply_resolve(const char *key, const char *value, void *data)
{
	struct config *config = data;
	const char *equals = strchr(value, '=');
	if (!equals)
		return config_fail(config, "invalid --%s value \"%s\", it must be key=host", key, value);
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
	int rc = getaddrinfo(equals + 1, NULL, &hints, &found);
	if (rc)
		return config_fail(config, "cannot resolve %s: %s, not starting", equals + 1, gai_strerror(rc));
	char address[INET_ADDRSTRLEN], *pair = NULL;
	inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, address, sizeof address);
	freeaddrinfo(found);
	if (asprintf(&pair, "%.*s=%s", (int)(equals - value), value, address) == -1)
		return config_fail(config, "out of memory, not starting");
	rc = config_collect_pair(config, pair, config->where);
	free(pair);
	return rc;
}

/* ---- options made of options ---- */

struct macro {
	struct config *config;
	char *body; /* "key=value;key=value" with $1 to $9 */
};

static int apply_macro(const char *key, const char *value, void *data)
{
	struct macro *macro = data;
	struct uwsgi_strings words = { 0 }, lines = { 0 };
	char *body = strdup(macro->body);
	(void)key;
	if (text_split(&words, value, " "))
		return config_fail(macro->config, "out of memory, not starting");
	for (size_t i = 0; body && i < 9; i++) {
		char mark[] = { '$', (char)('1' + i), '\0' };
		char *next = text_replace(body, mark, i < words.n ? words.v[i] : "");
		free(body);
		body = next;
	}
	if (!body || text_split(&lines, body, ";"))
		return config_fail(macro->config, "out of memory, not starting");
	for (size_t i = 0; i < lines.n; i++) {
		int rc = strchr(lines.v[i], '=')
				 ? config_collect_pair(macro->config, lines.v[i], macro->config->where)
				 : config_collect(macro->config, lines.v[i], NULL, macro->config->where);
		if (rc)
			return rc;
	}
	free(body);
	return 0;
}

static int declare(struct config *config, const char *value, uint32_t flags)
{
	const char *equals = strchr(value, '=');
	struct macro *macro = calloc(1, sizeof *macro);
	char *name = equals ? strndup(value, (size_t)(equals - value)) : NULL;
	if (!name || !macro)
		return config_fail(config, "cannot declare \"%s\": it must be name=key=value;key=value", value);
	*macro = (struct macro){ config, strdup(equals + 1) };
	bool takes = strstr(macro->body, "$1") || strstr(macro->body, "$2") || strstr(macro->body, "$3");
	struct uwsgi_option rows[2] = { {
		.name = name,
		.type = UWSGI_OPT_CALL,
		.arg = takes ? UWSGI_ARG_REQUIRED : UWSGI_ARG_NONE,
		.flags = flags,
		.help = "declared by the configuration",
		.group = CONFIG_GROUP,
		.apply = apply_macro,
		.data = macro,
	} };
	if (option_register(config->host.options, "declare-option", rows, sizeof *rows, NULL))
		return config_fail(config, "cannot declare the option %s, not starting", name);
	return 0;
}

static int apply_declare(const char *key, const char *value, void *data)
{
	(void)key;
	return declare(data, value, UWSGI_OPT_IMMEDIATE);
}

static int apply_declare_deferred(const char *key, const char *value, void *data)
{
	(void)key;
	return declare(data, value, 0);
}

/* ---- guards ---- */

static int apply_strict(const char *key, const char *value, void *data)
{
	(void)key;
	((struct config *)data)->strict = option_is_true(value);
	return 0;
}

static int apply_list(const char *key, const char *value, void *data)
{
	struct config *config = data;
	bool black = !strcmp(key, "blacklist");
	*(black ? &config->blacklisted : &config->whitelisted) = true;
	if (text_split(black ? &config->blacklist : &config->whitelist, value, " \t"))
		return config_fail(config, "out of memory, not starting");
	return 0;
}

static int apply_end_list(const char *key, const char *value, void *data)
{
	struct config *config = data;
	bool black = !strcmp(key, "end-blacklist");
	(void)value;
	*(black ? &config->blacklisted : &config->whitelisted) = false;
	*(black ? &config->blacklist : &config->whitelist) = (struct uwsgi_strings){ 0 };
	return 0;
}

/* ---- plugins ---- */

static int load_plugins(struct config *config, const char *key, const char *list, bool required)
{
	if (!config->host.load_plugins)
		return config_fail(config, "%s = %s: this build loads no plugins", key, list);
	int failed = config->host.load_plugins(config->host.ctx, list, required);
	if (failed == -ENOENT && required)
		return config_fail(config, "%s = %s: there is no such plugin, not starting", key, list);
	if (failed && required)
		return config_fail(config, "%s = %s: it is no plugin for this server (see above), not starting", key,
				   list);
	return 0;
}

static int apply_plugins(const char *key, const char *value, void *data)
{
	return load_plugins(data, key, value, false);
}

static int apply_need_plugins(const char *key, const char *value, void *data)
{
	return load_plugins(data, key, value, true);
}

/* Loading by need is what we do unless told not to. */
static int apply_nothing(const char *key, const char *value, void *data)
{
	(void)key;
	(void)value;
	(void)data;
	return 0;
}

/* ---- environment and talk ---- */

/* Blanks around the '=' are no part of the name or the value: files in the wild have "env = NAME = value". */
static int apply_env(const char *key, const char *value, void *data)
{
	size_t len = strcspn(value, "="), name_len = len;
	while (name_len && strchr(" \t", value[name_len - 1]))
		name_len--;
	const char *text = value[len] ? value + len + 1 : "";
	char *name = strndup(value, name_len);
	int rc = name ? setenv(name, text + strspn(text, " \t"), 1) : -1;
	free(name);
	return rc ? config_fail(data, "%s = %s: this is no variable, it must be NAME=value", key, value) : 0;
}

static int apply_unenv(const char *key, const char *value, void *data)
{
	if (unsetenv(value))
		return config_fail(data, "%s = %s: this is no name of a variable", key, value);
	return 0;
}

static int apply_print(const char *key, const char *value, void *data)
{
	(void)key;
	(void)data;
	uwsgi_log("%s\n", value);
	return 0;
}

static int apply_exit(const char *key, const char *value, void *data)
{
	struct config *config = data;
	int status = *value ? atoi(value) : 1;
	uwsgi_log("%s: %s: leaving with status %d\n", config->where, key, status);
	config->result = status ? -status : CONFIG_DONE;
	return 0;
}

/* ---- what to do instead of starting ---- */

static int apply_action(const char *key, const char *value, void *data)
{
	struct config_actions *actions = &((struct config *)data)->actions;
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "check", &actions->check },
		{ "explain", &actions->explain },
		{ "show-config", &actions->show_config },
		{ "dump-options", &actions->dump_options },
		{ "version", &actions->version },
		{ "options-markdown", &actions->markdown },
	};
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (!strcmp(key, flags[i].name))
			*flags[i].flag = option_is_true(*value ? value : NULL);
	return 0;
}

static int apply_help(const char *key, const char *value, void *data)
{
	struct config *config = data;
	(void)key;
	config->actions.help = true;
	config->actions.help_group = *value ? strdup(value) : NULL;
	config_print_help(config);
	config->result = CONFIG_DONE;
	return 0;
}

static int apply_get(const char *key, const char *value, void *data)
{
	(void)key;
	return strings_add(&((struct config *)data)->actions.get, value);
}

#define NOW UWSGI_OPT_IMMEDIATE
#define ROW(NAME, FN, ARG, FLAGS, HELP, ...)                                                                           \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_CALL, .arg = UWSGI_ARG_##ARG, .flags = FLAGS, .help = HELP,            \
		.group = CONFIG_GROUP, .apply = FN, __VA_ARGS__                                                        \
	}

/* clang-format off */
static const struct uwsgi_option rows[] = {
	ROW("ini", apply_ini, REQUIRED, NOW, "read an ini file: FILE, FILE:SECTION or :SECTION"),
	ROW("config", apply_include, REQUIRED, NOW, "read a file of any kind, known by its suffix"),
	ROW("include", apply_include, REQUIRED, NOW, "read another file here"),
	ROW("inherit", apply_include, REQUIRED, 0, "read another file after everything else"),
	ROW("set", apply_set, REQUIRED, NOW, "key=value: as if it was written so", .letter = 'S'),
	ROW("set-placeholder", apply_set_placeholder, REQUIRED, NOW, "key=value: define a placeholder"),
	{ .name = "set-ph", .alias_of = "set-placeholder" },
	ROW("resolve", apply_resolve, REQUIRED, NOW, "key=host: define a placeholder with the address of the host"),
	ROW("declare-option", apply_declare, REQUIRED, NOW, "name=key=value;key=value: make an option of options"),
	ROW("declare-option2", apply_declare_deferred, REQUIRED, NOW, "the same, applied after the values were expanded"),
	ROW("strict", apply_strict, NONE, NOW, "refuse unknown keys from here on"),
	ROW("blacklist", apply_list, REQUIRED, NOW, "refuse these keys from here on"),
	ROW("end-blacklist", apply_end_list, NONE, NOW, "accept them again"),
	ROW("whitelist", apply_list, REQUIRED, NOW, "refuse all but these keys from here on"),
	ROW("end-whitelist", apply_end_list, NONE, NOW, "accept all again"),
	ROW("plugins", apply_plugins, REQUIRED, NOW, "load plugins: names or paths separated by commas"),
	{ .name = "plugin", .alias_of = "plugins" },
	ROW("need-plugins", apply_need_plugins, REQUIRED, NOW, "load plugins, and do not start without them"),
	{ .name = "need-plugin", .alias_of = "need-plugins" },
	ROW("autoload", apply_nothing, NONE, NOW, "accepted: plugins are loaded when they are needed"),
	ROW("env", apply_env, REQUIRED, 0, "NAME=value: set an environment variable"),
	ROW("ienv", apply_env, REQUIRED, NOW, "the same, at once: $(NAME) sees it"),
	ROW("unenv", apply_unenv, REQUIRED, 0, "remove an environment variable"),
	ROW("print", apply_print, REQUIRED, 0, "log a text"),
	ROW("iprint", apply_print, REQUIRED, NOW, "log a text at once, as it is written"),
	ROW("exit", apply_exit, OPTIONAL, NOW, "stop here, with this status (default 1)"),
	ROW("check", apply_action, NONE, NOW, "check the configuration and start nothing"),
	ROW("explain", apply_action, NONE, NOW, "show each option, its value and where it came from, and start nothing"),
	ROW("show-config", apply_action, NONE, NOW, "show the configuration as ini, and start"),
	ROW("dump-options", apply_action, NONE, NOW, "list the names of all options"),
	ROW("options-markdown", apply_action, NONE, NOW | UWSGI_OPT_HIDDEN, "print all options as markdown"),
	ROW("get", apply_get, REQUIRED, NOW, "print the value of a key, and start nothing"),
	ROW("version", apply_action, NONE, NOW, "print the version"),
	ROW("help", apply_help, OPTIONAL, NOW, "print the options of this GROUP, or of all", .letter = 'h'),
	{ .name = "usage", .alias_of = "help" },
	{ 0 },
};
/* clang-format on */

int config_directive_register(struct config *config)
{
	return option_register(config->host.options, "the kernel", rows, sizeof *rows, config);
}
