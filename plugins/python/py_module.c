/* py_module.c - the module `uwsgi`: the API rows, and what only Python has.
 *
 * Texts are bytes and missing things are None, as programs written for uWSGI 2.0 expect. */
#include "py.h"

#include <grp.h>
#include <pwd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static PyObject *module; /* one interpreter, one module */
static PyObject *s_after_req_hook;

/* ---- hooks that a program sets ---- */

PyObject *py_module_hook(const char *name)
{
	PyObject *hook = module ? PyDict_GetItemString(PyModule_GetDict(module), name) : NULL;
	return hook == Py_None ? NULL : hook;
}

static void call(PyObject *hook)
{
	if (!hook || hook == Py_None)
		return;
	Py_INCREF(hook); /* it may unset itself */
	PyObject *result = PyObject_CallNoArgs(hook);
	py_child_end(result ? 0 : 1);
	if (!result)
		py_print_exception();
	Py_XDECREF(result);
	Py_DECREF(hook);
}

void py_module_call_hook(const char *name)
{
	call(py_module_hook(name));
}

void py_module_after_request(void)
{
	call(PyDict_GetItemWithError(PyModule_GetDict(module), s_after_req_hook));
}

/* ---- attributes ---- */

/* Set an attribute to `value` (stolen). */
static int set(const char *name, PyObject *value)
{
	int rc = value ? PyModule_AddObjectRef(module, name, value) : -1;
	Py_XDECREF(value);
	return rc;
}

static long number_option(const char *name, long otherwise)
{
	const char *text = uwsgi_option_get(name);
	return text && *text ? strtol(text, NULL, 10) : otherwise;
}

/* Add a key to the dict of options: True for a flag, a list when it was given more than once. */
static void add_option(const char *key, const char *value, void *data)
{
	PyObject *dict = data;
	if (PyErr_Occurred())
		return;
	PyObject *new = value ? PyBytes_FromString(value) : Py_NewRef(Py_True);
	PyObject *old = PyDict_GetItemString(dict, key);
	if (new &&old && PyList_Check(old)) {
		PyList_Append(old, new);
	} else if (new &&old) {
		PyObject *list = PyList_New(2);
		if (list) {
			PyList_SET_ITEM(list, 0, Py_NewRef(old));
			PyList_SET_ITEM(list, 1, Py_NewRef(new));
			PyDict_SetItemString(dict, key, list);
			Py_DECREF(list);
		}
	} else if (new) {
		PyDict_SetItemString(dict, key, new);
	}
	Py_XDECREF(new);
}

static PyObject *options_dict(void)
{
	PyObject *dict = PyDict_New();
	if (dict)
		uwsgi_option_each(add_option, dict);
	if (PyErr_Occurred())
		Py_CLEAR(dict);
	return dict;
}

static PyObject *socket_list(void)
{
	const struct uwsgi_socket *const *sockets;
	size_t n = uwsgi_sockets(&sockets);
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && i < n; i++) {
		if (sockets[i]->handover) /* it carries connections, but is none's address */
			continue;
		PyObject *fd = PyLong_FromLong(sockets[i]->fd);
		if (!fd || PyList_Append(list, fd) < 0)
			Py_CLEAR(list);
		Py_XDECREF(fd);
	}
	return list;
}

static PyObject *version_info(void)
{
	int major = 0, minor = 0, patch = 0;
	sscanf(UWSGI_VERSION, "%d.%d.%d", &major, &minor, &patch);
	return Py_BuildValue("(iiiiy)", major, minor, patch, 0, "");
}

static int add_magic(PyObject *table, char key, PyObject *value)
{
	PyObject *name = PyBytes_FromStringAndSize(&key, 1);
	int rc = name && value ? PyDict_SetItem(table, name, value) : -1;
	Py_XDECREF(name);
	Py_XDECREF(value);
	return rc;
}

/* The placeholders of the configuration that do not depend on its file. */
static PyObject *magic_table(void)
{
	struct utsname host;
	char folder[4096];
	uname(&host);
	const struct passwd *user = getpwuid(getuid());
	const struct group *group = getgrgid(getgid());
	PyObject *t = PyDict_New();
	if (!t)
		return NULL;
	int rc = add_magic(t, '%', PyBytes_FromString("%")) | add_magic(t, '(', PyBytes_FromString("%(")) |
		 add_magic(t, '[', PyBytes_FromString("\033")) | add_magic(t, 'V', PyBytes_FromString(UWSGI_VERSION)) |
		 add_magic(t, 'h', PyBytes_FromString(host.nodename)) |
		 add_magic(t, 'u', PyBytes_FromFormat("%u", getuid())) |
		 add_magic(t, 'U', PyBytes_FromString(user ? user->pw_name : "")) |
		 add_magic(t, 'g', PyBytes_FromFormat("%u", getgid())) |
		 add_magic(t, 'G', PyBytes_FromString(group ? group->gr_name : "")) |
		 add_magic(t, 't', PyBytes_FromFormat("%ld", (long)time(NULL))) |
		 add_magic(t, 'T', PyBytes_FromFormat("%lu", (unsigned long)uwsgi_micros())) |
		 add_magic(t, 'k', PyBytes_FromFormat("%ld", sysconf(_SC_NPROCESSORS_ONLN))) |
		 add_magic(t, 'v', PyBytes_FromString(getcwd(folder, sizeof folder) ? folder : ""));
	if (rc)
		Py_CLEAR(t);
	return t;
}

static int set_optional(const char *name)
{
	const char *text = uwsgi_option_get(name);
	return text ? set(name, PyBytes_FromString(text)) : 0;
}

/* Programs name them whether there is a spooler or not. */
static int set_spool_answers(void)
{
	return set("SPOOL_OK", PyLong_FromLong(-2)) | set("SPOOL_RETRY", PyLong_FromLong(-1)) |
	       set("SPOOL_IGNORE", PyLong_FromLong(0));
}

static int set_attributes(void)
{
	char host[256] = "";
	gethostname(host, sizeof host - 1);
	return set("numproc", PyLong_FromLong(uwsgi_proc_count("worker"))) |
	       set("buffer_size", PyLong_FromLong(number_option("buffer-size", 4096))) |
	       set("started_on", PyLong_FromLong((long)time(NULL))) | set("opt", options_dict()) |
	       set("magic_table", magic_table()) | set("version", PyBytes_FromString(UWSGI_VERSION)) |
	       set("version_info", version_info()) | set("hostname", PyBytes_FromString(host)) |
	       set("sockets", socket_list()) | set("cores", PyLong_FromLong(number_option("threads", 1))) |
	       set("has_threads", PyLong_FromLong(1)) | set("loop", Py_NewRef(Py_None)) |
	       set("unbit", Py_NewRef(Py_None)) | set("is_a_reload", PyBool_FromLong(uwsgi_my_generation() > 1)) |
	       set("applications", Py_NewRef(Py_None)) | set("applist", PyList_New(0)) |
	       set("fastfuncs", PyDict_New()) | set("message_manager_marshal", Py_NewRef(Py_None)) |
	       set_spool_answers() | set_optional("mode") | set_optional("pidfile");
}

/* ---- attributes that change with the request ---- */

static PyObject *attribute(PyObject *self, PyObject *name)
{
	const struct py_core *core = py_core();
	(void)self;
	if (core->req && PyUnicode_CompareWithASCIIString(name, "env") == 0)
		return Py_NewRef(core->environ);
	if (core->req && PyUnicode_CompareWithASCIIString(name, "start_response") == 0)
		return Py_NewRef(core->start_response);
	PyErr_Format(PyExc_AttributeError, "module 'uwsgi' has no attribute '%U'", name);
	return NULL;
}

static PyMethodDef methods[] = {
	{ "sendfile", (PyCFunction)(void (*)(void))py_file_sendfile, METH_VARARGS | METH_KEYWORDS,
	  "sendfile(what, chunk=0, pos=0, size=0): send the headers and a file (a path, a descriptor or a file) now" },
	{ "__getattr__", attribute, METH_O, "env and start_response of the current request" },
	{ 0 },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT, .m_name = "uwsgi",    .m_doc = "The server this program runs in.",
	.m_size = -1,	       .m_methods = methods,
};

/* ---- what programs ask whether it is configured or not ---- */

/* `self` is the answer. */
static PyObject *answer(PyObject *self, PyObject *args, PyObject *keywords)
{
	(void)args;
	(void)keywords;
	return Py_NewRef(self);
}

/* `self` says why not. */
static PyObject *refuse(PyObject *self, PyObject *args, PyObject *keywords)
{
	(void)args;
	(void)keywords;
	PyErr_SetObject(PyExc_ValueError, self);
	return NULL;
}

#define ABSENT(name, function)                                                                                         \
	{                                                                                                              \
		name, (PyCFunction)(void (*)(void))function, METH_VARARGS | METH_KEYWORDS, NULL                        \
	}

/* Every process of uWSGI 2.0 has these functions.  Here they come with a plugin; without it they say the same. */
static int set_absent(void)
{
	static struct {
		PyMethodDef method;
		const char *why; /* refused; NULL: answered with None, or 0 when it is a number */
		bool is_number;
	} rows[] = {
		{ ABSENT("mule_id", answer), .is_number = true },
		{ ABSENT("in_farm", answer) },
		{ ABSENT("i_am_the_spooler", answer) },
		{ ABSENT("mule_msg", refuse), .why = "no mule configured" },
		{ ABSENT("farm_msg", refuse), .why = "no mule configured" },
		{ ABSENT("mule_get_msg", refuse), .why = "you can receive mule messages only in a mule !!!" },
		{ ABSENT("farm_get_msg", refuse), .why = "you can receive farm messages only in a mule !!!" },
	};
	int rc = 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows && rc == 0; i++) {
		PyMethodDef *method = &rows[i].method;
		if (PyDict_GetItemString(PyModule_GetDict(module), method->ml_name))
			continue;
		PyObject *self = rows[i].why	     ? PyUnicode_FromString(rows[i].why)
				 : rows[i].is_number ? PyLong_FromLong(0)
						     : Py_NewRef(Py_None);
		rc = self ? set(method->ml_name, PyCFunction_New(method, self)) : -1;
		Py_XDECREF(self);
	}
	return rc;
}

int py_module_init(void)
{
	module = PyModule_Create(&definition);
	s_after_req_hook = PyUnicode_InternFromString("after_req_hook");
	if (!module || !s_after_req_hook || py_api_bind(module) < 0 || set_attributes() < 0 || set_absent() < 0)
		return -1;
	return PyDict_SetItemString(PyImport_GetModuleDict(), "uwsgi", module);
}
