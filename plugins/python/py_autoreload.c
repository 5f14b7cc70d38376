/* py_autoreload.c - reload the server when the program changes: --py-auto-reload, for development.
 *
 * Worker 1 watches the folders that modules came from.  Not the files: editors replace them, and what broke the last
 * reload may be a file no module has come from yet.  When a reload fails, the old generation keeps watching. */
#include "py.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SETTLE_MS 100 /* several files are often written together */

/* One worker a process; what the loop calls has no other way to find it. */
static struct {
	struct uwsgi_watch watch;
	struct uwsgi_timer collect, settle;
	PyObject *folders; /* set of bytes: watched already */
} reloader;

/* ---- what to watch ---- */

/* Watch the folder of a module's file.  0, or -1 with an exception. */
static int watch_folder_of(PyObject *file)
{
	PyObject *path = PyUnicode_EncodeFSDefault(file);
	if (!path)
		return -1;
	const char *text = PyBytes_AS_STRING(path), *slash = strrchr(text, '/');
	PyObject *folder = slash ? PyBytes_FromStringAndSize(text, slash - text + 1) : PyBytes_FromString(".");
	Py_DECREF(path);
	int known = folder ? PySet_Contains(reloader.folders, folder) : -1;
	if (known == 0)
		known = PySet_Add(reloader.folders, folder);
	else
		Py_CLEAR(folder);
	if (folder &&
	    inotify_add_watch(reloader.watch.fd, PyBytes_AS_STRING(folder), IN_CLOSE_WRITE | IN_MOVED_TO) == -1 &&
	    errno != ENOENT && errno != ENOTDIR) /* a module of a zip file is in no folder */
		uwsgi_log("python: changes in %s will not be noticed: %s\n", PyBytes_AS_STRING(folder),
			  strerror(errno));
	Py_XDECREF(folder);
	return known < 0 ? -1 : 0;
}

static int watch_modules(void)
{
	PyObject *modules = PyDict_Values(PyImport_GetModuleDict());
	int rc = modules ? 0 : -1;
	for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(modules); i++) {
		PyObject *module = PyList_GET_ITEM(modules, i);
		PyObject *file =
			PyModule_Check(module) ? PyDict_GetItemString(PyModule_GetDict(module), "__file__") : NULL;
		if (file && PyUnicode_Check(file))
			rc = watch_folder_of(file);
	}
	Py_XDECREF(modules);
	return rc;
}

/* Again and again: programs import late. */
static void on_collect(struct uwsgi_timer *timer)
{
	py_interp_enter();
	if (watch_modules() < 0)
		py_print_exception();
	py_interp_leave();
	uwsgi_loop_timer(uwsgi_loop(), timer, (uint64_t)py_options()->auto_reload * 1000);
}

/* ---- what happens ---- */

static bool is_program(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && *name != '.' && *name != '#' && (!strcmp(dot, ".py") || !strcmp(dot, ".so"));
}

static void on_settled(struct uwsgi_timer *timer)
{
	(void)timer;
	int failed = uwsgi_server_reload();
	if (failed)
		uwsgi_log("python: the server cannot be told to reload: %s\n", strerror(-failed));
}

static void on_change(struct uwsgi_watch *watch, unsigned events)
{
	_Alignas(struct inotify_event) char buf[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	ssize_t n = read(watch->fd, buf, sizeof buf);
	(void)events;
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const struct inotify_event *)(buf + at);
		if (event->len && is_program(event->name)) {
			uwsgi_log("[uwsgi-python-reloader] %s has been modified. reloading uWSGI.\n", event->name);
			uwsgi_loop_timer(uwsgi_loop(), &reloader.settle, SETTLE_MS);
		}
		at += (ssize_t)(sizeof *event + event->len);
	}
}

void py_autoreload_start(const char *kind, int number)
{
	if (!py_options()->auto_reload || strcmp(kind, "worker") || number != 1 || !Py_IsInitialized())
		return;
	reloader.watch = (struct uwsgi_watch){ .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .fn = on_change };
	reloader.collect.fn = on_collect;
	reloader.settle.fn = on_settled;
	py_interp_enter();
	reloader.folders = PySet_New(NULL);
	py_interp_leave();
	if (!reloader.folders || reloader.watch.fd == -1 || uwsgi_loop_add(uwsgi_loop(), &reloader.watch, UWSGI_READ)) {
		uwsgi_log("python: changes of the program will not be noticed: %s\n", strerror(errno));
		return;
	}
	on_collect(&reloader.collect);
}
