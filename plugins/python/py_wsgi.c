/* py_wsgi.c - one request: find the application, call it, send what it returns, clean up.
 *
 * The GIL is held from entry to exit, but for the moments in which bytes are waited for. */
#include "py.h"

static __thread struct py_core this_core;

struct py_core *py_core(void)
{
	return &this_core;
}

int py_wsgi_init(void)
{
	/* types first: the collector may visit whatever holds one, and must not find it half made */
	if (py_input_init() < 0 || py_response_init() < 0 || py_file_init() < 0)
		return -1;
	return py_environ_init();
}

/* The iterable is closed in any case; what its close() raises is only logged. */
static void close_result(PyObject *result)
{
	if (PyList_CheckExact(result) || PyTuple_CheckExact(result) || PyBytes_CheckExact(result))
		return;
	PyObject *close = PyObject_GetAttrString(result, "close");
	if (!close) {
		PyErr_Clear();
		return;
	}
	PyObject *nothing = PyObject_CallNoArgs(close);
	if (!nothing)
		py_print_exception();
	Py_XDECREF(nothing);
	Py_DECREF(close);
}

static int run(struct py_core *core, const struct py_app *app)
{
	PyObject *args[3] = { NULL, core->environ, core->start_response };
	PyObject *result = PyObject_Vectorcall(app->callable, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
	py_child_end(0);
	if (!result) {
		py_exception_raised();
		return -1;
	}
	int rc = py_response_send(core, result);
	if (rc < 0) { /* before close, which must run without an exception set */
		py_exception_raised();
		py_print_exception();
	}
	close_result(result);
	Py_DECREF(result);
	return rc;
}

static int begin(struct py_core *core, struct uwsgi_request *req, const struct py_app *app, bool mounted)
{
	core->req = req;
	core->input = py_input_new(req, core->input);
	core->start_response = py_response_new(req, core->start_response);
	core->environ = core->input && core->start_response ? py_environ_new(core, app, mounted) : NULL;
	return core->environ ? 0 : -1;
}

static void end(struct py_core *core)
{
	py_module_after_request();
	py_input_detach(core->input);
	py_response_detach(core->start_response);
	Py_CLEAR(core->environ);
	core->req = NULL;
}

static int answer(struct uwsgi_request *req, struct py_app *app, bool mounted)
{
	struct py_core *core = py_core();
	int rc = begin(core, req, app, mounted);
	if (rc == 0)
		rc = run(core, app);
	app->requests++;
	if (rc < 0) {
		py_print_exception();
		app->exceptions++;
		uwsgi_proc_exception();
		uwsgi_response_error(req, 500);
	}
	end(core);
	return rc;
}

int py_wsgi_request(struct uwsgi_request *req)
{
	bool mounted;
	struct py_app *app = py_app_of(req, &mounted);
	if (!app) {
		uwsgi_log("--- no python application found, check your startup logs for errors ---\n");
		uwsgi_response_error(req, 500);
		return -1;
	}
	py_interp_enter();
	int rc = answer(req, app, mounted);
	py_interp_leave();
	return rc;
}
