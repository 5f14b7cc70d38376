/* py_interp.c - start Python inside the server, and keep its lock and its forks right.
 *
 * One interpreter for everything, started in the zygote.  The zygote holds the GIL all its life: it is forked with
 * plain fork(2), and a thread of the application must not be in the middle of something then.  A child repairs the
 * interpreter (after_fork) and gives the GIL up; from there each thread takes it for the time of a request. */
#include "py.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* Process-wide, as the interpreter is. */
static pid_t interpreter_pid;
static bool held;    /* by the main thread, since start or fork */
static bool forking; /* for the server, now */
static __thread PyThreadState *thread_state;

/* ---- start ---- */

/* The kernel loads plugins RTLD_LOCAL, but extension modules expect to find the symbols of libpython.  Promote that one
 * library. */
static void promote_libpython(void)
{
	Dl_info info;
	if (dladdr((void *)Py_InitializeFromConfig, &info) && info.dli_fname)
		dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
}

static bool exists(const char *directory, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s", directory, name);
	return stat(path, &st) == 0;
}

static PyStatus set_home(PyConfig *config, const char *home)
{
	/* A virtual environment is found by Python itself, beside its executable; only an old-style home is the home.
	 */
	if (!exists(home, "pyvenv.cfg")) {
		uwsgi_log("Set PythonHome to %s\n", home);
		return PyConfig_SetBytesString(config, &config->home, home);
	}
	char python[PATH_MAX];
	snprintf(python, sizeof python, "%s/bin/python", home);
	uwsgi_log("PEP 405 virtualenv detected: %s\nSet PythonHome to %s\n", home, home);
	return PyConfig_SetBytesString(config, &config->program_name, python);
}

static PyStatus append_argv(PyConfig *config, const char *word, size_t n)
{
	char text[PATH_MAX];
	snprintf(text, sizeof text, "%.*s", (int)n, word);
	wchar_t *wide = Py_DecodeLocale(text, NULL);
	if (!wide)
		return PyStatus_NoMemory();
	PyStatus status = PyWideStringList_Append(&config->argv, wide);
	PyMem_RawFree(wide);
	return status;
}

static PyStatus set_argv(PyConfig *config, const char *words)
{
	PyStatus status = append_argv(config, "uwsgi", 5);
	while (words && *words && !PyStatus_Exception(status)) {
		size_t n = strcspn(words, " ");
		if (n)
			status = append_argv(config, words, n);
		words += n + strspn(words + n, " ");
	}
	return status;
}

static PyStatus configure(PyConfig *config, const struct py_options *options)
{
	config->install_signal_handlers = 0;
	config->parse_argv = 0;
	config->site_import = !options->no_site;
	config->optimization_level = options->optimize;
	PyStatus status = PyConfig_SetBytesString(config, &config->program_name,
						  options->program_name ? options->program_name : "uwsgi");
	if (!PyStatus_Exception(status) && options->home)
		status = set_home(config, options->home);
	if (!PyStatus_Exception(status))
		status = set_argv(config, options->argv);
	return status;
}

/* sys.executable is what a program starts to get more of itself: the server, unless the operator said otherwise. */
static int set_executable(const char *given)
{
	char self[PATH_MAX];
	if (!given) {
		ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
		if (n < 0)
			return 0;
		self[n] = '\0';
		given = self;
	}
	PyObject *path = PyUnicode_DecodeFSDefault(given);
	int rc = path ? PySys_SetObject("executable", path) : -1;
	Py_XDECREF(path);
	return rc;
}

/* What a program prints belongs in the log, a line at a time. */
static int redirect_output(void)
{
	PyObject *io = PyImport_ImportModule("io");
	PyObject *out = io ? PyObject_CallMethod(io, "open", "isissOO", STDERR_FILENO, "w", 1, "utf-8",
						 "backslashreplace", Py_None, Py_False)
			   : NULL;
	Py_XDECREF(io);
	if (!out)
		return -1;
	int rc = PySys_SetObject("stdout", out) | PySys_SetObject("stderr", out);
	Py_DECREF(out);
	return rc;
}

/* Python looks once at what signals do, and tells programs that.  Later it would find handlers of the server, which it
 * does not know, and which a program could not put back. */
static int look_at_signals(void)
{
	PyObject *module = PyImport_ImportModule("_signal");
	Py_XDECREF(module);
	return module ? 0 : -1;
}

static int insert_path(PyObject *path, Py_ssize_t at, const char *entry)
{
	PyObject *text = PyUnicode_DecodeFSDefault(entry);
	int rc = text ? PyList_Insert(path, at, text) : -1;
	Py_XDECREF(text);
	return rc;
}

/* Each pattern of --pythonpath with what it matches, or itself when it matches nothing. */
static int insert_pattern(PyObject *path, const char *pattern)
{
	PyObject *glob = PyImport_ImportModule("glob");
	PyObject *found = glob ? PyObject_CallMethod(glob, "glob", "s", pattern) : NULL;
	Py_XDECREF(glob);
	if (!found)
		return -1;
	int rc = PyList_GET_SIZE(found) ? 0 : insert_path(path, 0, pattern);
	for (Py_ssize_t i = 0; !rc && i < PyList_GET_SIZE(found); i++)
		rc = PyList_Insert(path, 0, PyList_GET_ITEM(found, i));
	Py_DECREF(found);
	if (!rc)
		uwsgi_log("added %s to pythonpath.\n", pattern);
	return rc;
}

/* The folder `python` beside this plugin holds its Python modules. */
static int insert_own_modules(PyObject *path)
{
	Dl_info info;
	if (!dladdr((void *)py_interp_start, &info) || !info.dli_fname)
		return 0;
	const char *slash = strrchr(info.dli_fname, '/');
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%.*s/python", slash ? (int)(slash - info.dli_fname) : 1,
		 slash ? info.dli_fname : ".");
	return insert_path(path, 0, folder);
}

static int set_path(const struct py_options *options)
{
	PyObject *path = PySys_GetObject("path");
	if (!path || insert_own_modules(path) || insert_path(path, 0, "") || insert_path(path, 0, "."))
		return -1;
	for (size_t i = 0; i < options->path.n; i++)
		if (insert_pattern(path, options->path.v[i]))
			return -1;
	return 0;
}

int py_interp_start(void)
{
	const struct py_options *options = py_options();
	if (Py_IsInitialized())
		return 0;
	if (options->home && !exists(options->home, "")) {
		uwsgi_cause("python: --home %s: %s", options->home, strerror(errno));
		return -ENOENT;
	}
	promote_libpython();
	PyConfig config;
	PyConfig_InitPythonConfig(&config);
	PyStatus status = configure(&config, options);
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	if (PyStatus_Exception(status)) {
		uwsgi_cause("python: cannot start Python %s: %s", PY_VERSION, status.err_msg ? status.err_msg : "exit");
		return -EINVAL;
	}
	interpreter_pid = getpid();
	held = true;
	thread_state = PyThreadState_Get();
	uwsgi_log("Python version: %s\n", Py_GetVersion());
	if (look_at_signals() == 0 && set_executable(options->executable) == 0 && redirect_output() == 0 &&
	    set_path(options) == 0)
		return 0;
	py_print_exception();
	uwsgi_cause("python: cannot prepare the interpreter, see above");
	return -EINVAL;
}

/* ---- forks and threads ---- */

void py_interp_fork(enum uwsgi_fork_phase phase)
{
	if (!Py_IsInitialized())
		return;
	assert(held);
	forking = phase != UWSGI_FORK_PARENT;
	if (phase == UWSGI_FORK_PREPARE)
		PyOS_BeforeFork();
	else if (phase == UWSGI_FORK_PARENT)
		PyOS_AfterFork_Parent();
	else if (getpid() != interpreter_pid)
		PyOS_AfterFork_Child();
	if (phase != UWSGI_FORK_CHILD)
		return;
	forking = false;
	interpreter_pid = getpid();
	thread_state = PyThreadState_Get();
}

bool py_interp_is_forked_by_server(void)
{
	return forking;
}

void py_interp_release(void)
{
	if (!held)
		return;
	held = false;
	thread_state = PyEval_SaveThread();
}

int py_interp_name_thread(int core)
{
	PyObject *threading = PyImport_ImportModule("threading");
	PyObject *thread = threading ? PyObject_CallMethod(threading, "current_thread", NULL) : NULL;
	PyObject *name = thread ? PyUnicode_FromFormat("uWSGIWorker%dCore%d", uwsgi_my_number(), core) : NULL;
	int rc = name ? PyObject_SetAttrString(thread, "name", name) : -1;
	Py_XDECREF(name);
	Py_XDECREF(thread);
	Py_XDECREF(threading);
	return rc;
}

void py_interp_thread_init(int core)
{
	if (!thread_state) /* the main thread has one since start */
		thread_state = PyThreadState_New(PyInterpreterState_Main());
	py_interp_enter();
	/* without the module nobody sees names, and no worker pays for its import */
	if (PyDict_GetItemString(PyImport_GetModuleDict(), "threading") && py_interp_name_thread(core) < 0)
		py_print_exception();
	py_interp_leave();
}

void py_interp_thread_exit(void)
{
	if (!thread_state)
		return;
	PyEval_RestoreThread(thread_state);
	PyThreadState_Clear(thread_state);
	PyThreadState_DeleteCurrent();
	thread_state = NULL;
}

void py_interp_enter(void)
{
	assert(thread_state);
	PyEval_RestoreThread(thread_state);
}

void py_interp_leave(void)
{
	PyEval_SaveThread();
}

/* ---- exceptions ---- */

void py_print_exception(void)
{
	PyObject *type, *value, *traceback;
	PyErr_Fetch(&type, &value, &traceback);
	if (!type)
		return;
	PyErr_NormalizeException(&type, &value, &traceback);
	if (traceback && value)
		PyException_SetTraceback(value, traceback);
	PyErr_Display(type, value, traceback); /* PyErr_Print would end the process at a SystemExit */
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(traceback);
	PyErr_Clear();
}

void py_describe_exception(char *line, size_t size)
{
	PyObject *type, *value, *traceback;
	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	PyObject *text = value ? PyObject_Str(value) : NULL;
	const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
	const char *name = type && PyType_Check(type) ? ((PyTypeObject *)type)->tp_name : "no exception";
	snprintf(line, size, "%s%s%s", name, utf8 && *utf8 ? ": " : "", utf8 ? utf8 : "");
	for (char *p = line; *p; p++)
		if (*p == '\n')
			*p = ' ';
	Py_XDECREF(text);
	PyErr_Clear();
	PyErr_Restore(type, value, traceback);
}
