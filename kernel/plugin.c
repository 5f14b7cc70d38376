/* plugin.c - from a name to a registered plugin, each step with its own message.
 *
 * Find the file, read its ABI note, and only then load it; copy its table, as much as both sides know; register its
 * rows; load what it needs.  A plugin is never unloaded.  The only place that calls dlopen. */
#include "plugin.h"

#include "api.h"
#include "cause.h"
#include "hook.h"
#include "kernel.h"
#include "option.h"
#include "plugin_abi.h"
#include "plugin_manifest.h"
#include "proto_uwsgi.h"
#include "service.h"
#include "settings.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/abi.h>
#include <uwsgi/log.h>

#define PLUGINS_MAX 128
#define ROWS_MAX 64

struct loaded {
	struct uwsgi_plugin table; /* our copy; the plugin's own is read once */
	struct uwsgi_abi abi;
	char path[PATH_MAX];
};

struct plugins {
	struct kernel *k;
	const char *build_dir;
	struct loaded *list[PLUGINS_MAX];
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
	const char *rest[] = { p->build_dir, UWSGI_PLUGIN_DIR, NULL };
	for (size_t j = 0, at = configured->n; rest[0] || rest[1]; j++) {
		if (j == 2)
			return NULL;
		if (rest[j] && at++ == i)
			return rest[j];
	}
	return NULL;
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

static int refuse(const char *name, const char *why)
{
	uwsgi_log("uwsgi: plugin %s: %s\n", name, why);
	return -ENOEXEC;
}

/* Read the note; the plugin's code does not run. */
static int check_abi(const char *name, const char *path, struct uwsgi_abi *abi_r)
{
	static const char *const reasons[] = {
		[-ABI_NOTE_NONE] = "has no ABI note: was it built with <uwsgi.h>?",
		[-ABI_NOTE_MALFORMED] = "is no complete ELF object of this machine",
		[-ABI_NOTE_MIXED] = "was built from two different versions of <uwsgi.h>: rebuild all of it",
	};
	struct stat st;
	char text[160];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1) {
		if (fd != -1)
			close(fd);
		return refuse(name, strerror(errno));
	}
	void *image = st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	close(fd);
	enum abi_note note = ABI_NOTE_MALFORMED;
	if (image != MAP_FAILED) {
		note = abi_read(image, (size_t)st.st_size, abi_r);
		munmap(image, (size_t)st.st_size);
	}
	if (note != ABI_NOTE_FOUND)
		return refuse(name, reasons[-note]);
	const char *why = abi_refuse(abi_r, text, sizeof text);
	return why ? refuse(name, why) : 0;
}

static int explain_dlerror(const char *name)
{
	const char *why = dlerror(), *symbol = why ? strstr(why, "undefined symbol: uwsgi_") : NULL;
	if (!symbol)
		return refuse(name, why ? why : "cannot be loaded");
	char text[256];
	snprintf(text, sizeof text, "needs %s, which this kernel does not provide: rebuild it or use a newer kernel",
		 symbol + sizeof "undefined symbol: " - 1);
	return refuse(name, text);
}

/* "dir/foobar_plugin.so" exports foobar_plugin. */
static void symbol_of(const char *path, char *symbol, size_t size)
{
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	size_t n = strcspn(base, ".");
	snprintf(symbol, size, "%.*s", (int)n, base);
}

static const void *find_table(const char *name, const char *path, void *handle)
{
	char symbol[256], target[PATH_MAX], why[400];
	symbol_of(path, symbol, sizeof symbol);
	const void *table = dlsym(handle, symbol);
	if (!table && realpath(path, target)) { /* a symbolic link: the file knows its own name */
		symbol_of(target, symbol, sizeof symbol);
		table = dlsym(handle, symbol);
	}
	Dl_info info;
	char real[PATH_MAX];
	if (table && dladdr(table, &info) && realpath(info.dli_fname, real) && realpath(path, target) &&
	    strcmp(real, target))
		table = NULL; /* a library it depends on happens to have the name */
	if (!table) {
		snprintf(why, sizeof why,
			 "exports no %s: is the table named after the file, and built without -fvisibility=hidden?",
			 symbol);
		refuse(name, why);
	}
	return table;
}

/* Copy what both sides know.  -E2BIG: theirs says something in a field we do not have. */
static int copy_table(struct uwsgi_plugin *to, const unsigned char *from, size_t size)
{
	for (size_t i = sizeof *to; i < size; i++)
		if (from[i])
			return -E2BIG;
	*to = (struct uwsgi_plugin){ 0 };
	memcpy(to, from, size < sizeof *to ? size : sizeof *to);
	return 0;
}

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

static int register_rows(struct plugins *p, const struct loaded *l)
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
	struct loaded *l = calloc(1, sizeof *l);
	if (!l || p->count == PLUGINS_MAX) {
		free(l);
		return refuse(name, "there is no room for more plugins");
	}
	snprintf(l->path, sizeof l->path, "%s", path);
	int failed = check_abi(name, path, &l->abi);
	void *handle = failed ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!failed && !handle)
		failed = explain_dlerror(name);
	const void *table = failed ? NULL : find_table(name, path, handle);
	if (!failed && !table)
		failed = -ENOEXEC;
	if (!failed && copy_table(&l->table, table, l->abi.plugin_size))
		failed = refuse(name, "uses a field this kernel does not know: use a newer kernel");
	if (!failed && !l->table.name)
		failed = refuse(name, "its table has no name");
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
	if (failed)
		return refuse(name, "its tables cannot be registered; it is not used");
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
		symbol_of(path, plugin, sizeof plugin);
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
	symbol_of(path, name, sizeof name);
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

/* ---- their lives ---- */

int plugins_init(struct plugins *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct uwsgi_plugin *t = &p->list[i]->table;
		int result = t->init ? t->init() : 0;
		if (result >= 0)
			continue;
		if (!t->strict) {
			uwsgi_log("uwsgi: plugin %s: init failed: %s; going on without it\n", t->name,
				  strerror(-result));
			continue;
		}
		if (!cause_get())
			uwsgi_cause("plugin %s: init failed: %s", t->name, strerror(-result));
		return result;
	}
	return 0;
}

int plugins_load_apps(struct plugins *p)
{
	int apps = 0;
	for (size_t i = 0; i < p->count; i++) {
		const struct uwsgi_plugin *t = &p->list[i]->table;
		int loaded = t->load ? t->load() : 0;
		if (loaded < 0)
			return loaded;
		apps += loaded;
	}
	return apps;
}

int plugins_post_fork(struct plugins *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct uwsgi_plugin *t = &p->list[i]->table;
		int failed = t->post_fork ? t->post_fork() : 0;
		if (failed < 0) {
			uwsgi_log("uwsgi: plugin %s: cannot go on after the fork: %s\n", t->name, strerror(-failed));
			return failed;
		}
	}
	return 0;
}

int plugins_worker(struct plugins *p, int number)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct uwsgi_plugin *t = &p->list[i]->table;
		int status = t->worker ? t->worker(number) : -ENOENT;
		if (status != -ENOENT)
			return status;
	}
	return -ENOENT;
}

void plugins_thread_init(struct plugins *p, int core)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i]->table.thread_init)
			p->list[i]->table.thread_init(core);
}

void plugins_thread_exit(struct plugins *p, int core)
{
	for (size_t i = p->count; i--;)
		if (p->list[i]->table.thread_exit)
			p->list[i]->table.thread_exit(core);
}

void plugins_atexit(struct plugins *p)
{
	for (size_t i = p->count; i--;)
		if (p->list[i]->table.atexit)
			p->list[i]->table.atexit();
}

int plugins_print_manifest(struct plugins *p, const char *path, FILE *out)
{
	int failed = load_path(p, path, path, -1);
	if (failed || !p->count)
		return failed ? failed : -ENOENT;
	manifest_print(out, &p->list[0]->table, &p->list[0]->abi);
	return 0;
}
