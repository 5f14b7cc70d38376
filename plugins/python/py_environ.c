/* py_environ.c - the variables of a request as the dict the application gets.
 *
 * Every request starts from a copy of a dict prepared for its socket, which holds what never changes and stands in for
 * what nearly always comes, so that the copy need not grow.  Names are turned into Python strings once; a value that
 * is the same as the last one under that name is the same object. */
#include "py.h"

#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

enum { SOCKETS_MAX = 64, KEEP_MAX = 256 };

/* Keys that a prepared dict has before the request gives them a value; deleted when it does not. */
static const uint16_t placeholders[] = {
	UWSGI_KEY_REQUEST_METHOD,  UWSGI_KEY_REQUEST_URI, UWSGI_KEY_PATH_INFO,	 UWSGI_KEY_QUERY_STRING,
	UWSGI_KEY_SERVER_PROTOCOL, UWSGI_KEY_REMOTE_ADDR, UWSGI_KEY_REMOTE_PORT, UWSGI_KEY_HTTP_HOST,
};
enum { PLACEHOLDERS = sizeof placeholders / sizeof *placeholders };

/* Under the GIL, for the life of the process. */
static struct {
	struct key {
		PyObject *name; /* interned */
		PyObject *last; /* the value it had last */
	} keys[UWSGI_KEY_MAX];
	PyObject *prepared[SOCKETS_MAX]; /* by socket index, made at its first request */
	PyObject *base;			 /* what all of them begin with */
	PyObject *s_input, *s_scheme, *s_http, *s_https, *s_empty, *s_core;
	bool show_core;
} env;

/* ---- preparing ---- */

static int put(PyObject *dict, const char *name, PyObject *value)
{
	PyObject *key = value ? PyUnicode_InternFromString(name) : NULL;
	int rc = key ? PyDict_SetItem(dict, key, value) : -1;
	Py_XDECREF(key);
	Py_XDECREF(value);
	return rc;
}

static bool more_than_one(const char *option)
{
	const char *text = uwsgi_option_get(option);
	return text && atoi(text) > 1;
}

static int put_base(PyObject *d)
{
	char host[256] = "";
	gethostname(host, sizeof host - 1);
	PyObject *errors = PySys_GetObject("stderr");
	int rc = put(d, "wsgi.version", Py_BuildValue("(ii)", 1, 0)) | put(d, "wsgi.errors", Py_XNewRef(errors)) |
		 put(d, "wsgi.run_once", Py_NewRef(Py_False)) |
		 put(d, "wsgi.multithread", PyBool_FromLong(env.show_core)) |
		 put(d, "wsgi.multiprocess", PyBool_FromLong(uwsgi_proc_count("worker") > 1)) |
		 put(d, "wsgi.input_terminated", Py_NewRef(Py_True)) |
		 put(d, "wsgi.url_scheme", Py_NewRef(env.s_http)) | put(d, "wsgi.input", Py_NewRef(Py_None)) |
		 put(d, "uwsgi.version", PyBytes_FromString(UWSGI_VERSION)) |
		 put(d, "uwsgi.node", PyBytes_FromString(host)) | put(d, "SCRIPT_NAME", Py_NewRef(env.s_empty));
	if (!py_options()->no_file_wrapper)
		rc |= put(d, "wsgi.file_wrapper", Py_NewRef(py_file_wrapper()));
	for (int i = 0; i < PLACEHOLDERS; i++) {
		struct key *slot = &env.keys[placeholders[i]];
		slot->name = PyUnicode_InternFromString(uwsgi_key_known(placeholders[i])->name);
		rc |= slot->name ? PyDict_SetItem(d, slot->name, env.s_empty) : -1;
	}
	return rc;
}

int py_environ_init(void)
{
	env.s_input = PyUnicode_InternFromString("wsgi.input");
	env.s_scheme = PyUnicode_InternFromString("wsgi.url_scheme");
	env.s_core = PyUnicode_InternFromString("uwsgi.core");
	env.s_http = PyUnicode_InternFromString("http");
	env.s_https = PyUnicode_InternFromString("https");
	env.s_empty = PyUnicode_InternFromString("");
	env.show_core = more_than_one("threads");
	env.base = PyDict_New();
	return env.base ? put_base(env.base) : -1;
}

static PyObject *decode(struct uwsgi_str text)
{
	return PyUnicode_DecodeLatin1(text.p, (Py_ssize_t)text.n, NULL);
}

/* Name of a variable: borrowed from the table when the kernel interned it, else new. */
static PyObject *name_of(const struct uwsgi_var *var, struct key **slot_r)
{
	*slot_r = NULL;
	if (!var->key)
		return decode(var->name);
	struct key *slot = &env.keys[var->key->id];
	if (!slot->name) {
		slot->name = decode((struct uwsgi_str){ var->key->name, var->key->len });
		if (!slot->name)
			return NULL;
		PyUnicode_InternInPlace(&slot->name);
	}
	*slot_r = slot;
	return slot->name;
}

static bool same(PyObject *last, struct uwsgi_str text)
{
	return last && (size_t)PyUnicode_GET_LENGTH(last) == text.n &&
	       !memcmp(PyUnicode_1BYTE_DATA(last), text.p, text.n);
}

/* Credentials must not outlive their request. */
static bool is_secret(unsigned id)
{
	return id == UWSGI_KEY_HTTP_COOKIE || id == UWSGI_KEY_HTTP_AUTHORIZATION;
}

static PyObject *value_of(const struct uwsgi_var *var, struct key *slot)
{
	if (slot && same(slot->last, var->value))
		return Py_NewRef(slot->last);
	PyObject *value = decode(var->value);
	if (value && slot && var->value.n <= KEEP_MAX && !is_secret(var->key->id))
		Py_XSETREF(slot->last, Py_NewRef(value));
	return value;
}

static int set_var(PyObject *dict, const struct uwsgi_var *var)
{
	struct key *slot;
	PyObject *name = name_of(var, &slot);
	PyObject *value = name ? value_of(var, slot) : NULL;
	int rc = value ? PyDict_SetItem(dict, name, value) : -1;
	if (!slot)
		Py_XDECREF(name);
	Py_XDECREF(value);
	return rc;
}

static PyObject *prepare(const struct uwsgi_socket *socket)
{
	PyObject *dict = PyDict_Copy(env.base);
	for (unsigned i = 0; dict && i < socket->nvars; i++)
		if (set_var(dict, &socket->vars[i]) < 0)
			Py_CLEAR(dict);
	return dict;
}

static PyObject *prepared_copy(const struct uwsgi_socket *socket)
{
	if (!socket)
		return PyDict_Copy(env.base);
	if (socket->index < 0 || socket->index >= SOCKETS_MAX)
		return prepare(socket);
	PyObject **slot = &env.prepared[socket->index];
	if (!*slot)
		*slot = prepare(socket);
	return *slot ? PyDict_Copy(*slot) : NULL;
}

/* ---- one request ---- */

static bool is_on(struct uwsgi_str flag)
{
	return flag.n && (*flag.p == '1' || (flag.n >= 2 && !strncasecmp(flag.p, "on", 2)));
}

/* The rules of uWSGI 2.0: the frontend's word, then the proxy's, then the HTTPS flags. */
static int set_scheme(PyObject *dict, const struct uwsgi_request *req)
{
	struct uwsgi_str scheme = uwsgi_request_known(req, UWSGI_KEY_UWSGI_SCHEME);
	if (!scheme.n)
		scheme = uwsgi_request_known(req, UWSGI_KEY_HTTP_X_FORWARDED_PROTO);
	if (scheme.n) {
		PyObject *value = decode(scheme);
		int rc = value ? PyDict_SetItem(dict, env.s_scheme, value) : -1;
		Py_XDECREF(value);
		return rc;
	}
	if (is_on(uwsgi_request_known(req, UWSGI_KEY_HTTPS)) ||
	    is_on(uwsgi_request_known(req, UWSGI_KEY_HTTP_X_FORWARDED_SSL)))
		return PyDict_SetItem(dict, env.s_scheme, env.s_https);
	return 0;
}

static int drop_placeholders(PyObject *dict, const struct uwsgi_request *req)
{
	for (int i = 0; i < PLACEHOLDERS; i++) {
		unsigned id = placeholders[i];
		if (req->known[id])
			continue;
		struct uwsgi_str of_socket = uwsgi_request_known(req, id);
		if (!of_socket.p && PyDict_DelItem(dict, env.keys[id].name) < 0)
			return -1;
	}
	return 0;
}

/* The mountpoint moves from the path to SCRIPT_NAME. */
static int move_mountpoint(PyObject *dict, const struct uwsgi_request *req, const struct py_app *app)
{
	struct uwsgi_str path = uwsgi_request_known(req, UWSGI_KEY_PATH_INFO);
	assert(path.n >= app->mountpoint_len);
	struct uwsgi_str rest = { path.p + app->mountpoint_len, path.n - app->mountpoint_len };
	return put(dict, "SCRIPT_NAME", decode((struct uwsgi_str){ app->mountpoint, app->mountpoint_len })) |
	       put(dict, "PATH_INFO", decode(rest));
}

static int fill(PyObject *dict, struct py_core *core, const struct py_app *app, bool mounted)
{
	const struct uwsgi_request *req = core->req;
	for (unsigned i = 0; i < req->nvars; i++)
		if (set_var(dict, &req->vars[i]) < 0)
			return -1;
	if (drop_placeholders(dict, req) < 0 || set_scheme(dict, req) < 0 ||
	    PyDict_SetItem(dict, env.s_input, core->input) < 0)
		return -1;
	if (mounted && move_mountpoint(dict, req, app) < 0)
		return -1;
	if (!env.show_core)
		return 0;
	PyObject *number = PyLong_FromLong(req->core);
	int rc = number ? PyDict_SetItem(dict, env.s_core, number) : -1;
	Py_XDECREF(number);
	return rc;
}

PyObject *py_environ_new(struct py_core *core, const struct py_app *app, bool mounted)
{
	PyObject *dict = prepared_copy(core->req->socket);
	if (dict && fill(dict, core, app, mounted) < 0)
		Py_CLEAR(dict);
	return dict;
}
