/* config_file.c - reading a configuration file: which section, which format, and how deep we are. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uwsgi/log.h>

#include "config_ini.h"
#include "config_parts.h"
#include "config_text.h"

static const char default_section[] = "uwsgi";

/* The one format the kernel reads itself. */
static const struct uwsgi_config_format ini = { "ini", ".ini", config_ini_parse };

/* Everything the emit function needs to give a key its place. */
struct reading {
	struct config *config;
	const char *name;
};

static void take(void *ctx, const char *key, const char *value, int line)
{
	struct reading *reading = ctx;
	char where[PATH_MAX + 16];
	if (line)
		snprintf(where, sizeof where, "%s:%d", reading->name, line);
	else
		snprintf(where, sizeof where, "%s", reading->name);
	config_collect(reading->config, key, value, where);
}

static const struct uwsgi_config_format *format_of(struct config *config, const char *name)
{
	const char *base = strrchr(name, '/');
	const char *suffix = strrchr(base ? base : name, '.');
	if (!suffix)
		return NULL;
	if (!strcmp(suffix, ini.suffixes))
		return &ini;
	if (!config->host.format)
		return NULL;
	const struct uwsgi_config_format *format = config->host.format(config->host.ctx, suffix);
	if (!format && config->host.autoload && config->host.autoload(config->host.ctx, "format", suffix))
		format = config->host.format(config->host.ctx, suffix);
	return format;
}

/* The colon before the section, or NULL.  The one of "scheme://" is not it. */
static const char *section_colon(const char *spec)
{
	const char *colon = strrchr(spec, ':');
	return colon && !strncmp(colon, "://", 3) ? NULL : colon;
}

static char *absolute(const char *name)
{
	if (!strcmp(name, "-") || strstr(name, "://"))
		return strdup("");
	char cwd[PATH_MAX], *path = NULL;
	if (*name == '/')
		return strdup(name);
	if (!getcwd(cwd, sizeof cwd) || asprintf(&path, "%s/%s", cwd, name) == -1)
		return NULL;
	return path;
}

/* Split "name:section"; a name left out is the file in hand. */
static int describe(struct config *config, const char *spec, struct config_file *file_r)
{
	const char *colon = section_colon(spec);
	size_t len = colon ? (size_t)(colon - spec) : strlen(spec);
	const char *section = colon && colon[1] ? colon + 1 : default_section;
	if (!len && !config->last.given)
		return config_fail(config, "\"%s\": there is no file to take the section from", spec);
	file_r->given = len ? strndup(spec, len) : strdup(config->last.given);
	file_r->path = file_r->given ? absolute(file_r->given) : NULL;
	file_r->section = strdup(section);
	if (!file_r->path || !file_r->section)
		return config_fail(config, "out of memory, not starting");
	return 0;
}

static int parse(struct config *config, const struct uwsgi_config_format *format, const struct config_file *file)
{
	char error[256] = "", *raw;
	size_t raw_len, len;
	int rc = resource_read(file->given, &raw, &raw_len, error, sizeof error);
	if (rc)
		return config_fail(config, "cannot read the configuration %s: %s, not starting", file->given, error);
	char *text = config_magic(raw, raw_len, file, &config->first, config->host.version, &len);
	free(raw);
	if (!text)
		return config_fail(config, "out of memory, not starting");

	struct reading reading = { config, file->given };
	rc = format->parse(text, len, file->section, take, &reading, error, sizeof error);
	free(text);
	if (config->result)
		return -1;
	if (rc == -ENOENT)
		uwsgi_log("*** WARNING: Can't find section \"%s\" in %s configuration file %s ***\n", file->section,
			  format->name, file->given);
	else if (rc)
		return config_fail(config, "%s: %s, not starting", file->given, *error ? error : strerror(-rc));
	return 0;
}

int config_load(struct config *config, const char *spec, const struct uwsgi_config_format *format)
{
	if (config->depth == CONFIG_MAX_DEPTH)
		return config_fail(config, "%s: configurations include each other more than %d deep, not starting",
				   spec, CONFIG_MAX_DEPTH);
	struct config_file file = { 0 };
	if (describe(config, spec, &file))
		return -1;
	if (!format)
		format = format_of(config, file.given);
	if (!format)
		return config_fail(config, "unable to load configuration from %s: nothing reads this kind of file",
				   spec);

	/* The descriptions stay: the letters and ":section" of files read later refer to them. */
	if (!config->first.given)
		config->first = file;
	struct config_file outer = config->last;
	config->last = file;
	if (!config->depth && strings_add(&config->files, spec))
		return config_fail(config, "out of memory, not starting");
	config->depth++;
	uwsgi_log("[uWSGI] getting %s configuration from %s\n", format->name, spec);
	int rc = parse(config, format, &file);
	config->depth--;
	if (config->depth)
		config->last = outer;
	return rc;
}

int config_load_ini(struct config *config, const char *spec)
{
	return config_load(config, spec, &ini);
}

int config_load_positional(struct config *config, const char *arg)
{
	/* Names in brackets are decoration of process managers. */
	if (*arg == '[')
		return 0;
	const struct uwsgi_config_format *format = format_of(config, arg);
	const char *colon = section_colon(arg);
	if (!format && colon) {
		char *name = strndup(arg, (size_t)(colon - arg));
		format = name ? format_of(config, name) : NULL;
		free(name);
	}
	if (format)
		return config_load(config, arg, format);
	const struct uwsgi_option *claimant = config_claimant(config, arg);
	if (claimant)
		return config_collect(config, claimant->name, arg, config->where);
	return config_fail(config, "unable to load configuration from %s: nothing reads this kind of file", arg);
}
