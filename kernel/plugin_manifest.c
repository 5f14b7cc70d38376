/* plugin_manifest.c - manifests: small text files beside the plugins, each written by the build and read at every
 * start. */
#include "plugin_manifest.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX "_plugin.manifest"

static int is_manifest(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name), s = sizeof SUFFIX - 1;
	return n > s && !strcmp(entry->d_name + n - s, SUFFIX);
}

static bool has_line(const char *path, const char *what, const char *name)
{
	char *line = NULL;
	size_t what_len = strlen(what), room = 0;
	bool found = false;
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && getline(&line, &room, file) != -1) {
		line[strcspn(line, "\n")] = 0;
		found = !strncmp(line, what, what_len) && line[what_len] == ' ' && !strcmp(line + what_len + 1, name);
	}
	free(line);
	fclose(file);
	return found;
}

/* Call fn for each manifest, in the order of their names, until it returns true. */
static bool each(const char *dir, bool (*fn)(const char *manifest, void *data), void *data)
{
	struct dirent **entries;
	bool done = false;
	int count = scandir(dir, &entries, is_manifest, alphasort);
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];
		if (!done && snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name) < (int)sizeof path)
			done = fn(path, data);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return done;
}

/* The plugin beside a manifest. */
static bool plugin_of(const char *manifest, char *path_r, size_t size)
{
	size_t stem = strlen(manifest) - (sizeof ".manifest" - 1);
	return snprintf(path_r, size, "%.*s.so", (int)stem, manifest) < (int)size;
}

struct search {
	const char *what, *name;
	char *path_r;
	size_t size;
};

static bool visit_search(const char *manifest, void *data)
{
	const struct search *search = data;
	return has_line(manifest, search->what, search->name) && plugin_of(manifest, search->path_r, search->size);
}

bool manifest_find(const char *dir, const char *what, const char *name, char *path_r, size_t size)
{
	return each(dir, visit_search, &(struct search){ what, name, path_r, size });
}

struct walk {
	void (*fn)(const char *plugin, void *data);
	void *data;
};

static bool visit_walk(const char *manifest, void *data)
{
	const struct walk *walk = data;
	char path[PATH_MAX];
	if (plugin_of(manifest, path, sizeof path))
		walk->fn(path, walk->data);
	return false;
}

void manifest_each(const char *dir, void (*fn)(const char *plugin, void *data), void *data)
{
	each(dir, visit_walk, &(struct walk){ fn, data });
}

/* ---- writing one ---- */

/* A row of a table whose rows are as wide as its plugin was built with; NULL after the last. */
static const void *row_at(const void *rows, size_t stride, size_t i)
{
	const char *row = rows ? (const char *)rows + i * stride : NULL;
	return row && *(const char *const *)row ? row : NULL; /* every row begins with its name */
}

static void print_words(FILE *out, const char *what, const char *words)
{
	for (const char *at = words; at && *at;) {
		size_t n = strcspn(at, " ");
		if (n)
			fprintf(out, "%s %.*s\n", what, (int)n, at);
		at += n + (at[n] == ' ');
	}
}

static void print_options(FILE *out, const void *rows, size_t stride)
{
	const struct uwsgi_option *option;
	for (size_t i = 0; (option = row_at(rows, stride, i)); i++) {
		fprintf(out, "option %s\n", option->name);
		if (option->letter)
			fprintf(out, "option-letter %c\n", option->letter);
		if (stride >= offsetof(struct uwsgi_option, claims) + sizeof option->claims)
			print_words(out, "claim", option->claims);
	}
}

void manifest_print(FILE *out, const struct uwsgi_plugin *table, const struct uwsgi_abi *abi)
{
	const struct uwsgi_api_fn *function;
	const struct uwsgi_config_format *format;
	const struct uwsgi_protocol *protocol;
	print_words(out, "alias", table->alias);
	print_options(out, table->options, abi->option_size);
	for (size_t i = 0; (function = row_at(table->api, abi->api_fn_size, i)); i++)
		fprintf(out, "api %s\n", function->name);
	for (size_t i = 0; (format = row_at(table->config_formats, abi->config_format_size, i)); i++) {
		fprintf(out, "format %s\n", format->name);
		print_words(out, "format", format->suffixes);
	}
	for (size_t i = 0; (protocol = row_at(table->protocols, abi->protocol_size, i)); i++)
		fprintf(out, "protocol %s\n", protocol->name);
}
