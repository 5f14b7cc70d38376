/* python_plugin.c - Python for the server: the tables, and when each part is called. */
#include "py.h"

#include <errno.h>

/* Written by the kernel while it reads the configuration; the rows need constant addresses. */
static struct py_options settings;

const struct py_options *py_options(void)
{
	return &settings;
}

#define ALIAS(spelling, of)                                                                                            \
	{                                                                                                              \
		.name = spelling, .alias_of = of                                                                       \
	}
/* clang-format off */
static const struct uwsgi_option options[] = {
	{ "wsgi-file", 0, UWSGI_OPT_STR, .value = &settings.wsgi_file, .claims = ".py .wsgi", .help = "load the application from a file", .group = "python" },
	ALIAS("file", "wsgi-file"),
	{ "module", 'w', UWSGI_OPT_STR, .value = &settings.module, .claims = ":", .help = "load the application from a module: MODULE or MODULE:CALLABLE", .group = "python" },
	ALIAS("wsgi", "module"),
	{ "callable", 0, UWSGI_OPT_STR, .value = &settings.callable, .help = "name of the application in its file or module (application)", .group = "python" },
	{ "eval", 0, UWSGI_OPT_STR, .value = &settings.eval, .help = "load the application from Python code", .group = "python" },
	{ "mount", 0, UWSGI_OPT_LIST, .value = &settings.mounts, .help = "/PREFIX=APP: load an application for the paths below PREFIX", .group = "python" },
	ALIAS("worker-mount", "mount"),
	{ "home", 'H', UWSGI_OPT_STR, .value = &settings.home, .help = "use a virtual environment, or another Python home", .group = "python" },
	ALIAS("virtualenv", "home"), ALIAS("venv", "home"), ALIAS("pyhome", "home"),
	{ "pythonpath", 0, UWSGI_OPT_LIST, .value = &settings.path, .help = "add a folder (or a pattern) in front of sys.path", .group = "python" },
	ALIAS("python-path", "pythonpath"), ALIAS("pp", "pythonpath"),
	{ "import", 0, UWSGI_OPT_LIST, .value = &settings.imports, .help = "import a module or file after the application", .group = "python" },
	ALIAS("pyimport", "import"), ALIAS("py-import", "import"), ALIAS("python-import", "import"),
	ALIAS("shared-import", "import"), ALIAS("shared-pyimport", "import"), ALIAS("shared-py-import", "import"), ALIAS("shared-python-import", "import"),
	{ "spooler-import", 0, UWSGI_OPT_LIST, .value = &settings.spooler_imports, .help = "import a module or file in the spoolers' processes alone", .group = "python" },
	ALIAS("spooler-pyimport", "spooler-import"), ALIAS("spooler-py-import", "spooler-import"), ALIAS("spooler-python-import", "spooler-import"),
	{ "pymodule-alias", 0, UWSGI_OPT_LIST, .value = &settings.aliases, .help = "NAME=MODULE: import MODULE under NAME before the application", .group = "python" },
	{ "post-pymodule-alias", 0, UWSGI_OPT_LIST, .value = &settings.post_aliases, .help = "the same after the application", .group = "python" },
	{ "pyargv", 0, UWSGI_OPT_STR, .value = &settings.argv, .help = "words for sys.argv", .group = "python" },
	{ "optimize", 'O', UWSGI_OPT_INT, .value = &settings.optimize, .help = "optimization level of Python", .group = "python" },
	{ "no-site", 0, UWSGI_OPT_BOOL, .value = &settings.no_site, .help = "do not import site at start", .group = "python" },
	{ "py-executable", 0, UWSGI_OPT_STR, .value = &settings.executable, .help = "sys.executable (the server)", .group = "python" },
	ALIAS("py-sys-executable", "py-executable"),
	{ "py-programname", 0, UWSGI_OPT_STR, .value = &settings.program_name, .help = "the name by which Python looks for its library (uwsgi)", .group = "python" },
	ALIAS("py-program-name", "py-programname"),
	{ "wsgi-strict", 0, UWSGI_OPT_BOOL, .value = &settings.strict, .help = "iterate over a bytes object as PEP 3333 says", .group = "python" },
	{ "wsgi-disable-file-wrapper", 0, UWSGI_OPT_BOOL, .value = &settings.no_file_wrapper, .help = "leave wsgi.file_wrapper out of the environ", .group = "python" },
	{ "start_response-nodelay", 0, UWSGI_OPT_BOOL, .value = &settings.nodelay, .help = "send the headers when start_response is called", .group = "python" },
	ALIAS("start-response-nodelay", "start_response-nodelay"),
	{ "python-worker-override", 0, UWSGI_OPT_STR, .value = &settings.worker_override, .help = "run a script in each worker, in place of the server's accepting of requests", .group = "python" },
	ALIAS("py-worker-override", "python-worker-override"),
	{ "py-auto-reload", 0, UWSGI_OPT_INT, .value = &settings.auto_reload, .flags = UWSGI_OPT_MASTER, .help = "for development: reload when a file of the program changes, looking for new modules every so many seconds", .group = "python" },
	ALIAS("py-autoreload", "py-auto-reload"), ALIAS("python-auto-reload", "py-auto-reload"), ALIAS("python-autoreload", "py-auto-reload"),
	{ "reload-on-exception", 0, UWSGI_OPT_BOOL, .value = &settings.reload_on_exception, .help = "replace a worker after the application raised an exception", .group = "python" },
	{ "reload-on-exception-type", 0, UWSGI_OPT_LIST, .value = &settings.reload_on_type, .help = "the same, for exceptions of this type", .group = "python" },
	{ "reload-on-exception-value", 0, UWSGI_OPT_LIST, .value = &settings.reload_on_value, .help = "the same, for exceptions with this text", .group = "python" },
	{ "reload-on-exception-repr", 0, UWSGI_OPT_LIST, .value = &settings.reload_on_repr, .help = "the same, for exceptions that read \"TYPE: TEXT\"", .group = "python" },
	{ 0 },
};
/* clang-format on */

static bool wanted(void)
{
	return settings.wsgi_file || settings.module || settings.eval || settings.imports.n ||
	       settings.spooler_imports.n || settings.aliases.n || settings.mounts.n || settings.worker_override;
}

static int load(void)
{
	if (!wanted())
		return 0;
	int rc = py_interp_start();
	if (rc < 0)
		return rc;
	if (py_module_init() < 0 || py_wsgi_init() < 0 || py_stack_init() < 0 || py_child_init() < 0) {
		py_print_exception();
		uwsgi_cause("python: cannot make the module uwsgi, see above");
		return -EINVAL;
	}
	int apps = py_app_load_all();
	py_child_end(0);
	return apps == 0 && settings.worker_override ? 1 : apps;
}

static int post_fork(void)
{
	if (!Py_IsInitialized())
		return 0; /* no application of this language is configured */
	py_module_call_hook("post_fork_hook");
	if (!strcmp(uwsgi_my_kind(), "spooler"))
		py_app_load_spooler();
	py_interp_release();
	return 0;
}

static void thread_init(int core)
{
	if (!Py_IsInitialized())
		return;
	py_interp_release();
	py_interp_thread_init(core);
}

static void thread_exit(int core)
{
	(void)core;
	if (Py_IsInitialized())
		py_interp_thread_exit();
}

/* Threads of the program may still run, so the interpreter is not torn down: what asked to be told, is. */
static void at_exit(void)
{
	if (!Py_IsInitialized())
		return;
	py_interp_release();
	PyGILState_STATE gil = PyGILState_Ensure();
	py_module_call_hook("atexit");
	PyObject *atexit = PyImport_ImportModule("atexit");
	PyObject *done = atexit ? PyObject_CallMethod(atexit, "_run_exitfuncs", NULL) : NULL;
	if (!done)
		py_print_exception();
	Py_XDECREF(done);
	Py_XDECREF(atexit);
	PyGILState_Release(gil);
}

static const struct uwsgi_hook hooks[] = {
	UWSGI_HOOK(UWSGI_HOOK_PROCESS_FORK, uwsgi_hook_fork, py_interp_fork),
	UWSGI_HOOK(UWSGI_HOOK_PROCESS_START, uwsgi_hook_process, py_autoreload_start),
	UWSGI_HOOK(UWSGI_HOOK_WORKER_STUCK, uwsgi_hook_stuck, py_stack_log),
	UWSGI_HOOK(UWSGI_HOOK_PROGRAM_CALLABLE, uwsgi_hook_callable, py_program_callable),
	UWSGI_HOOK(UWSGI_HOOK_SCRIPT_RUN, uwsgi_hook_script, py_program_script),
	{ 0 },
};

struct uwsgi_plugin python_plugin = {
	.name = "python",
	.alias = "python3 python311 py",
	.modifier1 = 0,
	.options = options,
	.hooks = hooks,
	.load = load,
	.post_fork = post_fork,
	.thread_init = thread_init,
	.thread_exit = thread_exit,
	.request = py_wsgi_request,
	.atexit = at_exit,
	.worker = py_worker_run,
};
