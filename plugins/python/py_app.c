/* py_app.c - find and load the applications: from a file, a module, a piece of code, or a dict of several.
 *
 * Each is known by its mountpoint.  The first one is the default, which answers what no other one is mounted for. */
#include "py.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { APPS_MAX = 64 };

/* Filled while the generation is loaded, read by its workers. */
static struct {
	struct py_app app[APPS_MAX];
	int count;
	int fallback; /* index of the default app, -1: none */
	bool by_path; /* manage-script-name */
	bool simple;  /* one app that answers everything */
} apps = { .fallback = -1 };

/* ---- flags of the kernel ---- */

struct flag {
	const char *name;
	bool on;
};

static void visit_flag(const char *key, const char *value, void *data)
{
	static const char *const off[] = { "false", "off", "no", "0" };
	struct flag *flag = data;
	if (strcmp(key, flag->name))
		return;
	flag->on = true;
	for (size_t i = 0; value && i < sizeof off / sizeof *off; i++)
		if (!strcasecmp(value, off[i]))
			flag->on = false;
}

static bool option_is_on(const char *name)
{
	struct flag flag = { name, false };
	uwsgi_option_each(visit_flag, &flag);
	return flag.on;
}

/* ---- choosing ---- */

static bool is_mounted_at(const struct py_app *app, struct uwsgi_str path)
{
	size_t n = app->mountpoint_len;
	return path.n >= n && !memcmp(path.p, app->mountpoint, n) && (path.n == n || path.p[n] == '/');
}

static struct py_app *find_by_path(struct uwsgi_str path)
{
	struct py_app *best = NULL;
	for (int i = 0; i < apps.count; i++) {
		struct py_app *app = &apps.app[i];
		if (app->mountpoint_len && is_mounted_at(app, path) &&
		    (!best || app->mountpoint_len > best->mountpoint_len))
			best = app;
	}
	return best;
}

static struct py_app *find_by_name(struct uwsgi_str mountpoint)
{
	for (int i = 0; i < apps.count; i++)
		if (apps.app[i].mountpoint_len == mountpoint.n &&
		    !memcmp(apps.app[i].mountpoint, mountpoint.p ? mountpoint.p : "", mountpoint.n))
			return &apps.app[i];
	return NULL;
}

struct py_app *py_app_of(const struct uwsgi_request *req, bool *mounted_r)
{
	*mounted_r = false;
	if (apps.simple)
		return &apps.app[0];
	struct py_app *app = NULL;
	if (apps.by_path) {
		app = find_by_path(uwsgi_request_known(req, UWSGI_KEY_PATH_INFO));
		*mounted_r = app != NULL;
	}
	if (!app)
		app = find_by_name(uwsgi_request_known(req, UWSGI_KEY_SCRIPT_NAME));
	if (!app && apps.fallback >= 0)
		app = &apps.app[apps.fallback];
	return app;
}

/* ---- loading code ---- */

static PyObject *read_source(const char *path)
{
	PyObject *io = PyImport_ImportModule("io");
	PyObject *file = io ? PyObject_CallMethod(io, "open", "ss", path, "rb") : NULL;
	PyObject *source = file ? PyObject_CallMethod(file, "read", NULL) : NULL;
	Py_XDECREF(file);
	Py_XDECREF(io);
	return source;
}

/* "dir/app.py" is the module uwsgi_file_dir_app. */
static void module_name(const char *path, char *name, size_t size)
{
	size_t n = strlen(path);
	if (n > 3 && !strcmp(path + n - 3, ".py"))
		n -= 3;
	snprintf(name, size, "uwsgi_file_%.*s", (int)n, path);
	for (char *p = name; *p; p++)
		if (*p == '.' || *p == '/')
			*p = '_';
}

static PyObject *execute(const char *name, const char *source, const char *path)
{
	PyObject *code = Py_CompileString(source, path, Py_file_input);
	PyObject *module = code ? PyImport_ExecCodeModuleEx(name, code, path) : NULL;
	Py_XDECREF(code);
	return module;
}

static PyObject *load_file(const char *path)
{
	char inner[PATH_MAX], name[PATH_MAX];
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		snprintf(inner, sizeof inner, "%s/__init__.py", path);
		path = inner;
	}
	PyObject *source = read_source(path);
	if (!source)
		return NULL;
	module_name(path, name, sizeof name);
	PyObject *module = execute(name, PyBytes_AS_STRING(source), path);
	Py_DECREF(source);
	return module;
}

/* "site.wsgi" is a module as often as a file: it is a file when there is one. */
static bool is_file(const char *name)
{
	size_t n = strlen(name);
	if (strchr(name, '/') || (n > 3 && !strcmp(name + n - 3, ".py")))
		return true;
	return n > 5 && !strcmp(name + n - 5, ".wsgi") && access(name, F_OK) == 0;
}

static PyObject *load_module_or_file(const char *name)
{
	return is_file(name) ? load_file(name) : PyImport_ImportModule(name);
}

/* ---- finding the callable ---- */

/* `name` may be "attr", "attr.attr", or end in "()": then its result is the application. */
static PyObject *find_callable(PyObject *module, const char *name)
{
	char path[256];
	size_t n = strlen(name);
	bool factory = n > 2 && !strcmp(name + n - 2, "()");
	snprintf(path, sizeof path, "%.*s", (int)(factory ? n - 2 : n), name);
	PyObject *found = Py_NewRef(module);
	char *save = NULL;
	for (char *part = strtok_r(path, ".", &save); part && found; part = strtok_r(NULL, ".", &save))
		Py_SETREF(found, PyObject_GetAttrString(found, part));
	if (found && factory)
		Py_SETREF(found, PyObject_CallNoArgs(found));
	return found;
}

/* uwsgi.applist: the mountpoints, in the order of the applications. */
static int list_mountpoint(const char *mountpoint)
{
	PyObject *list = py_module_hook("applist");
	PyObject *name = list && PyList_Check(list) ? PyBytes_FromString(mountpoint) : NULL;
	int rc = name ? PyList_Append(list, name) : 0;
	Py_XDECREF(name);
	return rc;
}

static int add_app(const char *mountpoint, size_t n, PyObject *callable, double seconds)
{
	if (apps.count == APPS_MAX) {
		PyErr_Format(PyExc_RuntimeError, "you cannot load more than %d apps in a worker", APPS_MAX);
		return -1;
	}
	if (!PyCallable_Check(callable)) {
		PyErr_Format(PyExc_TypeError, "the application must be callable, not %.80s",
			     Py_TYPE(callable)->tp_name);
		return -1;
	}
	if (find_by_name((struct uwsgi_str){ mountpoint, n })) {
		uwsgi_log("mountpoint %.*s already configured. skip.\n", (int)n, mountpoint);
		return 0;
	}
	struct py_app *app = &apps.app[apps.count];
	*app = (struct py_app){ strndup(mountpoint, n), n, Py_NewRef(callable), 0, 0 };
	if (apps.fallback < 0 && !option_is_on("no-default-app"))
		apps.fallback = apps.count;
	uwsgi_log("WSGI app %d (mountpoint='%s') ready in %.0f seconds on interpreter %p pid: %d%s\n", apps.count,
		  app->mountpoint, seconds, (void *)PyInterpreterState_Main(), (int)getpid(),
		  apps.fallback == apps.count ? " (default app)" : "");
	apps.count++;
	return list_mountpoint(app->mountpoint);
}

/* One entry of an `applications` dict: str or bytes, to a callable or its name in `module`. */
static int add_entry(PyObject *module, PyObject *key, PyObject *value)
{
	PyObject *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8String(key) : Py_NewRef(key);
	if (!name || !PyBytes_Check(name)) {
		Py_XDECREF(name);
		if (!PyErr_Occurred())
			PyErr_SetString(PyExc_TypeError, "the app mountpoint must be a string");
		return -1;
	}
	PyObject *callable = NULL;
	if (!PyUnicode_Check(value))
		callable = Py_NewRef(value);
	else if (module)
		callable = find_callable(module, PyUnicode_AsUTF8(value));
	const char *mountpoint = PyBytes_AS_STRING(name);
	size_t n = (size_t)PyBytes_GET_SIZE(name);
	if (n == 1 && *mountpoint == '/')
		n = 0;
	int rc = callable ? add_app(mountpoint, n, callable, 0) : -1;
	Py_XDECREF(callable);
	Py_DECREF(name);
	return rc;
}

static int add_dict(PyObject *module, PyObject *dict)
{
	PyObject *key, *value;
	Py_ssize_t at = 0;
	uwsgi_log("found a multiapp module...\n");
	while (PyDict_Next(dict, &at, &key, &value))
		if (add_entry(module, key, value) < 0)
			return -1;
	return 0;
}

/* A module's `applications`, when it is a dict. */
static PyObject *applications_of(PyObject *module)
{
	PyObject *dict = PyObject_GetAttrString(module, "applications");
	if (dict && PyDict_Check(dict))
		return dict;
	Py_XDECREF(dict);
	PyErr_Clear();
	return NULL;
}

static int add_from_module(const char *mountpoint, PyObject *module, const char *callable, uint64_t begin_ms)
{
	const char *wanted = callable ? callable : py_options()->callable;
	PyObject *dict = wanted || *mountpoint ? NULL : applications_of(module);
	if (dict) {
		int rc = add_dict(module, dict);
		Py_DECREF(dict);
		return rc;
	}
	PyObject *found = find_callable(module, wanted ? wanted : "application");
	if (!found)
		return -1;
	size_t n = strlen(mountpoint);
	while (n && mountpoint[n - 1] == '/')
		n--;
	int rc = add_app(mountpoint, n, found, (double)((uwsgi_now_ms() - begin_ms) / 1000));
	Py_DECREF(found);
	return rc;
}

/* ---- what is configured ---- */

/* TARGET or TARGET:callable; a colon of an existing file's name is part of it. */
static int load_target(const char *mountpoint, const char *target, PyObject *(*load)(const char *name))
{
	char name[PATH_MAX];
	uint64_t begin_ms = uwsgi_now_ms();
	const char *colon = access(target, F_OK) == 0 ? NULL : strrchr(target, ':');
	snprintf(name, sizeof name, "%.*s", colon ? (int)(colon - target) : (int)strlen(target), target);
	PyObject *module = load(name);
	int rc = module ? add_from_module(mountpoint, module, colon ? colon + 1 : NULL, begin_ms) : -1;
	Py_XDECREF(module);
	return rc;
}

static PyObject *load_code(const char *code)
{
	return execute("uwsgi_eval_config", code, "<eval>");
}

static int load_eval(const char *mountpoint, const char *code, PyObject *(*load)(const char *name))
{
	PyObject *module = load(code);
	int rc = module ? add_from_module(mountpoint, module, NULL, uwsgi_now_ms()) : -1;
	Py_XDECREF(module);
	return rc;
}

/* The traceback for the developer, the cause for the last line. */
static int give_up(const char *option, const char *target)
{
	char why[512];
	py_describe_exception(why, sizeof why);
	py_print_exception();
	uwsgi_cause("unable to load app %d (%s %s): %s", apps.count, option, target, why);
	return -ENOEXEC;
}

static int load_mount(const char *text)
{
	char mountpoint[PATH_MAX];
	const char *equals = strchr(text, '=');
	if (!equals) {
		uwsgi_cause("--mount %s: '=' is missing: use --mount /path=app", text);
		return -EINVAL;
	}
	snprintf(mountpoint, sizeof mountpoint, "%.*s", (int)(equals - text), text);
	if (!strcmp(mountpoint, "/"))
		*mountpoint = '\0';
	uwsgi_log("mounting %s on %s\n", equals + 1, *mountpoint ? mountpoint : "/");
	return load_target(mountpoint, equals + 1, load_module_or_file) < 0 ? give_up("--mount", text) : 0;
}

static int load_applications_attribute(void)
{
	PyObject *dict = py_module_hook("applications");
	if (!dict || apps.count)
		return 0;
	if (!PyDict_Check(dict))
		PyErr_SetString(PyExc_TypeError, "uwsgi.applications must be a dict");
	else if (add_dict(NULL, dict) == 0)
		return 0;
	return give_up("uwsgi.applications", "");
}

/* Such modules only register things: without one of them the server can still serve. */
static void import_all(const struct uwsgi_strings *names)
{
	for (size_t i = 0; i < names->n; i++) {
		PyObject *module = load_module_or_file(names->v[i]);
		Py_XDECREF(module);
		if (module)
			continue;
		char why[512];
		py_describe_exception(why, sizeof why);
		py_print_exception();
		uwsgi_log("unable to import %s: %s: what it registers will not run\n", names->v[i], why);
	}
}

/* "name=target": the module `target` under another name too. */
static int alias_all(const struct uwsgi_strings *pairs)
{
	for (size_t i = 0; i < pairs->n; i++) {
		const char *equals = strchr(pairs->v[i], '=');
		char name[256];
		snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - pairs->v[i]) : 0, pairs->v[i]);
		PyObject *module = *name ? load_module_or_file(equals + 1) : NULL;
		int rc = module ? PyDict_SetItemString(PyImport_GetModuleDict(), name, module) : -1;
		Py_XDECREF(module);
		if (rc < 0)
			return give_up("--pymodule-alias", pairs->v[i]);
	}
	return 0;
}

int py_app_load_all(void)
{
	const struct py_options *o = py_options();
	const struct {
		const char *option, *target;
		int (*load)(const char *mountpoint, const char *target, PyObject *(*load)(const char *name));
		PyObject *(*code)(const char *name);
	} sources[] = {
		{ "--wsgi-file", o->wsgi_file, load_target, load_file },
		{ "--module", o->module, load_target, load_module_or_file },
		{ "--eval", o->eval, load_eval, load_code },
	};
	if (alias_all(&o->aliases) < 0)
		return -ENOEXEC;
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
		if (sources[i].target && sources[i].load("", sources[i].target, sources[i].code) < 0)
			return give_up(sources[i].option, sources[i].target);
	for (size_t i = 0; i < o->mounts.n; i++) {
		int rc = load_mount(o->mounts.v[i]);
		if (rc < 0)
			return rc;
	}
	import_all(&o->imports);
	int rc = load_applications_attribute();
	if (rc < 0)
		return rc;
	if (alias_all(&o->post_aliases) < 0)
		return -ENOEXEC;
	apps.by_path = option_is_on("manage-script-name");
	apps.simple = apps.count == 1 && apps.fallback == 0 && !(apps.by_path && apps.app[0].mountpoint_len);
	return apps.count;
}

void py_app_load_spooler(void)
{
	import_all(&py_options()->spooler_imports);
}
