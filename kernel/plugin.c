/* plugin.c - the plugins of a server: from a name to a registered plugin, and what they all provide.
 *
 * Find the file, load it (plugin_file.c), register its rows, load what it needs.  A plugin is never unloaded. */
#include "plugin.h"

#include "api.h"
#include "hook.h"
#include "kernel.h"
#include "option.h"
#include "plugin_file.h"
#include "plugin_manifest.h"
#include "proto_uwsgi.h"
#include "service.h"
#include "settings.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define PLUGINS_MAX 128
#define ROWS_MAX 64

struct plugins {
	struct kernel *k;
	const char *build_dir;
	struct plugin_file *list[PLUGINS_MAX];
	size_t count;
	struct uwsgi_protocol protocols[ROWS_MAX];
	struct uwsgi_config_format formats[ROWS_MAX];
	struct uwsgi_kind kinds[ROWS_MAX];
	size_t protocol_count, format_count, kind_count;
};

struct plugins *plugins_create(struct kernel *k, const char *build_dir)
{
	struct plugins *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->k = k;
	p->build_dir = build_dir;
	p->protocols[p->protocol_count++] = proto_uwsgi;
	return p;
}

/* ---- finding ---- */

/* The i-th directory to look in; NULL after the last. */
static const char *dir_at(const struct plugins *p, size_t i)
{
	const struct uwsgi_strings *configured = &p->k->settings->plugin_dirs;
	if (i < configured->n)
		return configured->v[i];
	size_t rest = i - configured->n;
	if (p->build_dir && rest-- == 0)
		return p->build_dir;
	return rest == 0 ? UWSGI_PLUGIN_DIR : NULL;
}

static bool readable(const char *path)
{
	return access(path, R_OK) == 0;
}

static bool find_file(struct plugins *p, const char *name, char path[PATH_MAX])
{
	if (strchr(name, '/'))
		return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && readable(path);
	const char *dir;
	for (size_t i = 0; (dir = dir_at(p, i)); i++)
		if (snprintf(path, PATH_MAX, "%s/%s_plugin.so", dir, name) < PATH_MAX && readable(path))
			return true;
	for (size_t i = 0; (dir = dir_at(p, i)); i++)
		if (manifest_find(dir, "alias", name, path, PATH_MAX))
			return true;
	return false;
}

const char *plugins_data_file(struct plugins *p, const char *name)
{
	const char *dir;
	char path[PATH_MAX];
	for (size_t i = 0; (dir = dir_at(p, i)); i++)
		if (snprintf(path, sizeof path, "%s/%s", dir, name) < (int)sizeof path && readable(path))
			return strdup(path);
	return NULL;
}

bool plugins_has(const struct plugins *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (!strcmp(p->list[i]->table.name, name) || words_have(p->list[i]->table.alias, name))
			return true;
	return false;
}

/* ---- loading ---- */

/* Append the rows of a plugin's table to one of ours; the end is a row whose first field (a name) is NULL. */
static int copy_rows(const void *rows, size_t stride, void *to, size_t size, size_t *count)
{
	for (const char *row = rows; row; row += stride) {
		const char *name;
		memcpy(&name, row, sizeof name);
		if (!name)
			break;
		if (*count == ROWS_MAX)
			return -ENOSPC;
		char *slot = (char *)to + *count * size;
		memset(slot, 0, size);
		memcpy(slot, row, stride < size ? stride : size);
		(*count)++;
	}
	return 0;
}

static int register_rows(struct plugins *p, const struct plugin_file *l)
{
	const struct uwsgi_plugin *t = &l->table;
	const struct uwsgi_abi *abi = &l->abi;
	struct kernel *k = p->k;
	const char *taken = NULL;
	int failed = 0;
	if (t->options)
		failed = option_register(k->options, t->name, t->options, abi->option_size, NULL);
	if (!failed)
		failed = hook_register(k->hooks, t->hooks, abi->hook_size);
	if (!failed && t->services)
		failed = service_register(k->services, t->services, abi->service_size, &taken);
	if (taken)
		uwsgi_log("uwsgi: plugin %s: another plugin already provides the service %s\n", t->name, taken);
	if (!failed && t->api)
		failed = api_register(k->api, t->name, t->api, abi->api_fn_size);
	if (!failed && t->api_consts)
		failed = api_register_consts(k->api, t->name, t->api_consts, abi->api_const_size);
	if (!failed)
		failed = copy_rows(t->protocols, abi->protocol_size, p->protocols, sizeof p->protocols[0],
				   &p->protocol_count);
	if (!failed)
		failed = copy_rows(t->config_formats, abi->config_format_size, p->formats, sizeof p->formats[0],
				   &p->format_count);
	if (!failed)
		failed = copy_rows(t->kinds, abi->kind_size, p->kinds, sizeof p->kinds[0], &p->kind_count);
	return failed;
}

static int check_modifier(const struct plugins *p, const struct uwsgi_plugin *t)
{
	for (size_t i = 0; t->request && i < p->count; i++) {
		const struct uwsgi_plugin *other = &p->list[i]->table;
		if (other->request && other->modifier1 == t->modifier1) {
			uwsgi_log("uwsgi: plugin %s: modifier %u already belongs to plugin %s; give it another with "
				  "N:%s\n",
				  t->name, t->modifier1, other->name, t->name);
			return -EEXIST;
		}
	}
	return 0;
}

static int load_words(struct plugins *p, const char *words);

/* `modifier`: -1, or the one given with the name. */
static int load_path(struct plugins *p, const char *name, const char *path, int modifier)
{
	struct plugin_file *l = p->count < PLUGINS_MAX ? calloc(1, sizeof *l) : NULL;
	if (!l) {
		uwsgi_log("uwsgi: plugin %s: there is no room for more plugins\n", name);
		return -ENOEXEC;
	}
	int failed = plugin_file_load(l, name, path);
	if (failed) {
		free(l);
		return failed;
	}
	if (plugins_has(p, l->table.name)) {
		free(l);
		return 0;
	}
	if (modifier >= 0)
		l->table.modifier1 = (uint8_t)modifier;
	failed = check_modifier(p, &l->table);
	if (!failed)
		failed = register_rows(p, l);
	if (failed) {
		uwsgi_log("uwsgi: plugin %s: its tables cannot be registered; it is not used\n", name);
		return -ENOEXEC;
	}
	p->list[p->count++] = l;
	if (l->table.on_load)
		l->table.on_load();
	return l->table.needs ? load_words(p, l->table.needs) : 0;
}

static int load_one(struct plugins *p, const char *spec, bool required)
{
	char path[PATH_MAX];
	char *end;
	long modifier = strtol(spec, &end, 10);
	const char *name = end != spec && *end == ':' && modifier >= 0 && modifier < 256 ? end + 1 : spec;
	if (plugins_has(p, name))
		return 0;
	int failed = -ENOENT;
	if (find_file(p, name, path))
		failed = load_path(p, name, path, name == spec ? -1 : (int)modifier);
	else
		uwsgi_log("uwsgi: plugin %s: %s\n", name,
			  strchr(name, '/') ? "no such file" : "no such plugin in the plugin directories");
	if (failed)
		uwsgi_log("!!! UNABLE to load uWSGI plugin: %s !!!%s\n", name, required ? "" : " going on without it");
	return failed;
}

static int load_separated(struct plugins *p, const char *list, const char *separators, bool required)
{
	char *copy = strdup(list), *state = NULL;
	int result = copy ? 0 : -ENOMEM;
	for (char *one = copy ? strtok_r(copy, separators, &state) : NULL; one;
	     one = strtok_r(NULL, separators, &state)) {
		int failed = load_one(p, one, required);
		result = result ? result : failed;
	}
	free(copy);
	return result;
}

static int load_words(struct plugins *p, const char *words)
{
	return load_separated(p, words, " ", true);
}

int plugins_load(struct plugins *p, const char *list, bool required)
{
	return load_separated(p, list, ", ", required);
}

bool plugins_autoload(struct plugins *p, const char *what, const char *name)
{
	char path[PATH_MAX], plugin[256];
	const char *dir;
	if (p->k->settings->no_autoload)
		return false;
	for (size_t i = 0; (dir = dir_at(p, i)); i++) {
		if (!manifest_find(dir, what, name, path, sizeof path))
			continue;
		plugin_file_symbol(path, plugin, sizeof plugin);
		size_t before = p->count;
		load_path(p, plugin, path, -1);
		if (p->count > before)
			return true;
	}
	return false;
}

static void load_found(const char *path, void *data)
{
	char name[256];
	plugin_file_symbol(path, name, sizeof name);
	load_path(data, name, path, -1);
}

void plugins_load_all(struct plugins *p)
{
	const char *dir;
	if (p->k->settings->no_autoload)
		return;
	for (size_t i = 0; (dir = dir_at(p, i)); i++)
		manifest_each(dir, load_found, p);
}

/* ---- what they provide ---- */

size_t plugins_count(const struct plugins *p)
{
	return p->count;
}

const struct uwsgi_plugin *plugins_at(const struct plugins *p, size_t i)
{
	return i < p->count ? &p->list[i]->table : NULL;
}

const struct uwsgi_config_format *plugins_format_at(const struct plugins *p, size_t i)
{
	return i < p->format_count ? &p->formats[i] : NULL;
}

const struct uwsgi_config_format *plugins_format(struct plugins *p, const char *name)
{
	for (size_t i = 0; i < p->format_count; i++)
		if (!strcmp(p->formats[i].name, name) || words_have(p->formats[i].suffixes, name))
			return &p->formats[i];
	return NULL;
}

static const struct uwsgi_protocol *find_protocol(const struct plugins *p, const char *name)
{
	for (size_t i = 0; i < p->protocol_count; i++)
		if (!strcmp(p->protocols[i].name, name))
			return &p->protocols[i];
	return NULL;
}

const struct uwsgi_protocol *plugins_protocol(struct plugins *p, const char *name)
{
	const struct uwsgi_protocol *found = find_protocol(p, name);
	if (!found && plugins_autoload(p, "protocol", name))
		found = find_protocol(p, name);
	return found;
}

const struct uwsgi_kind *plugins_kind(const struct plugins *p, size_t i)
{
	return i < p->kind_count ? &p->kinds[i] : NULL;
}

void plugins_handlers(const struct plugins *p, const struct uwsgi_plugin *handlers[256])
{
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i]->table.request)
			handlers[p->list[i]->table.modifier1] = &p->list[i]->table;
}

int plugins_print_manifest(struct plugins *p, const char *path, FILE *out)
{
	int failed = load_path(p, path, path, -1);
	if (failed || !p->count)
		return failed ? failed : -ENOENT;
	manifest_print(out, &p->list[0]->table, &p->list[0]->abi);
	return 0;
}
