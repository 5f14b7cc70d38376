/* py_program.c - parts of the program that are run or called by name: scripts, functions, what it left in `uwsgi`. */
#include "py.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Run the file as __main__.  It has `uwsgi`, as programs of mules take for granted.  A new reference, or NULL with an
 * exception. */
static PyObject *run_file(FILE *file, const char *path)
{
	PyObject *module = PyImport_AddModule("__main__"); /* borrowed */
	PyObject *globals = module ? PyModule_GetDict(module) : NULL;
	PyObject *name = globals ? PyUnicode_DecodeFSDefault(path) : NULL;
	PyObject *uwsgi = name ? PyImport_ImportModule("uwsgi") : NULL;
	PyObject *result = NULL;
	if (uwsgi && PyDict_SetItemString(globals, "__file__", name) == 0 &&
	    PyDict_SetItemString(globals, "uwsgi", uwsgi) == 0)
		result = PyRun_FileEx(file, path, Py_file_input, globals, globals, 0);
	Py_XDECREF(uwsgi);
	Py_XDECREF(name);
	return result;
}

/* The exit status that the current exception means; it is printed unless it only says so. */
int py_program_exit_status(void)
{
	int status = 1;
	if (PyErr_ExceptionMatches(PyExc_SystemExit)) {
		PyObject *type, *value, *traceback;
		PyErr_Fetch(&type, &value, &traceback);
		PyErr_NormalizeException(&type, &value, &traceback);
		PyObject *code = value ? PyObject_GetAttrString(value, "code") : NULL;
		bool told = code && (code == Py_None || PyLong_Check(code));
		if (told)
			status = code == Py_None ? 0 : (int)PyLong_AsLong(code) & 0xff;
		Py_XDECREF(code);
		PyErr_Restore(type, value, traceback);
		if (told) {
			PyErr_Clear();
			return status;
		}
	}
	py_print_exception();
	return status;
}

int py_program_run_file(FILE *file, const char *path)
{
	PyObject *result = run_file(file, path);
	int status = result ? 0 : py_program_exit_status();
	py_child_end(status);
	Py_XDECREF(result);
	return status;
}

/* "module:function", called without arguments. */
static int run_function(const char *text, const char *colon)
{
	PyObject *name = PyUnicode_DecodeFSDefaultAndSize(text, colon - text);
	PyObject *module = name ? PyImport_Import(name) : NULL;
	PyObject *function = module ? PyObject_GetAttrString(module, colon + 1) : NULL;
	PyObject *result = function ? PyObject_CallNoArgs(function) : NULL;
	int status = result ? 0 : py_program_exit_status();
	py_child_end(status);
	Py_XDECREF(result);
	Py_XDECREF(function);
	Py_XDECREF(module);
	Py_XDECREF(name);
	return status;
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n > m && !strcmp(text + n - m, end);
}

int py_program_script(const char *script, int *status_r)
{
	const char *colon = strchr(script, ':');
	FILE *file = NULL;
	if (!colon && !ends_in(script, ".py"))
		return -ENOENT;
	if (!colon && !(file = fopen(script, "re"))) {
		uwsgi_log("open(\"%s\"): %s; %s %d ends\n", script, strerror(errno), uwsgi_my_kind(),
			  uwsgi_my_number());
		*status_r = 1;
		return 0;
	}
	py_interp_enter();
	*status_r = file ? py_program_run_file(file, script) : run_function(script, colon);
	py_interp_leave();
	if (file)
		fclose(file);
	return 0;
}

struct uwsgi_fn *py_program_callable(const char *name)
{
	if (!Py_IsInitialized())
		return NULL; /* no application of this language is configured */
	PyGILState_STATE gil = PyGILState_Ensure();
	PyObject *callable = py_module_hook(name);
	struct uwsgi_fn *fn = callable && PyCallable_Check(callable) ? py_fn_new(callable) : NULL;
	PyGILState_Release(gil);
	return fn;
}
