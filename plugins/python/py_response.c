/* py_response.c - the application's answer: start_response, write, and the body it returns.
 *
 * The status line, the headers and a body that is known at once leave in one system call.  What was sent cannot be
 * taken back; until then start_response may be called again with exc_info (PEP 3333). */
#include "py.h"

#include <errno.h>

/* A list of more pieces is joined first: one system call takes no more of them anyway. */
enum { PIECES_MAX = 64 };

struct responder {
	PyObject_HEAD struct uwsgi_request *req; /* NULL once the request is over */
	vectorcallfunc call;
};

/* ---- the head ---- */

/* The bytes of a latin-1 string, without a copy: that is how Python stores it.  NULL with `message` raised. */
static const char *latin1(PyObject *o, Py_ssize_t *n_r, const char *message)
{
	if (PyUnicode_READY(o) < 0)
		return NULL;
	if (PyUnicode_KIND(o) != PyUnicode_1BYTE_KIND) {
		PyErr_SetString(PyExc_TypeError, message);
		return NULL;
	}
	*n_r = PyUnicode_GET_LENGTH(o);
	return (const char *)PyUnicode_1BYTE_DATA(o);
}

static int type_error(const char *message)
{
	PyErr_SetString(PyExc_TypeError, message);
	return -1;
}

/* "200" alone gets its phrase. */
static int set_bare_status(struct uwsgi_request *req, PyObject *status)
{
	PyObject *http = PyImport_ImportModule("http.client");
	PyObject *phrases = http ? PyObject_GetAttrString(http, "responses") : NULL;
	PyObject *code = PyLong_FromUnicodeObject(status, 10);
	PyObject *phrase = phrases && code ? PyObject_GetItem(phrases, code) : NULL;
	PyErr_Clear();
	PyObject *line = PyUnicode_FromFormat("%U %U", status, phrase ? phrase : status);
	Py_ssize_t n = 0;
	const char *p = line ? PyUnicode_AsUTF8AndSize(line, &n) : NULL;
	int rc = p ? uwsgi_response_status(req, p, (size_t)n) : -EINVAL;
	Py_XDECREF(line);
	Py_XDECREF(phrase);
	Py_XDECREF(code);
	Py_XDECREF(phrases);
	Py_XDECREF(http);
	PyErr_Clear();
	return rc;
}

static int set_status(struct uwsgi_request *req, PyObject *status)
{
	Py_ssize_t n;
	if (!PyUnicode_Check(status))
		return type_error("http status must be a string");
	const char *p = latin1(status, &n, "http status string must be encodable in latin1");
	if (!p)
		return -1;
	int rc = n == 3 ? set_bare_status(req, status) : uwsgi_response_status(req, p, (size_t)n);
	if (rc == 0)
		return 0;
	PyErr_Format(rc == -EALREADY ? PyExc_OSError : PyExc_ValueError,
		     rc == -EALREADY ? "headers already sent" : "http status %R is no status line", status);
	return -1;
}

static int add_header(struct uwsgi_request *req, PyObject *pair)
{
	if (!PyTuple_Check(pair))
		return type_error("http header must be defined in a tuple");
	if (PyTuple_GET_SIZE(pair) != 2)
		return type_error("http header must be a 2-item tuple");
	PyObject *name = PyTuple_GET_ITEM(pair, 0), *value = PyTuple_GET_ITEM(pair, 1);
	if (!PyUnicode_Check(name))
		return type_error("http header key must be a string");
	if (!PyUnicode_Check(value))
		return type_error("http header value must be a string");
	Py_ssize_t name_len, value_len;
	const char *n = latin1(name, &name_len, "http header must be encodable in latin1");
	const char *v = n ? latin1(value, &value_len, "http header must be encodable in latin1") : NULL;
	if (!v)
		return -1;
	int rc = uwsgi_response_header(req, n, (size_t)name_len, v, (size_t)value_len);
	if (rc == 0)
		return 0;
	PyErr_Format(PyExc_ValueError,
		     rc == -E2BIG ? "http header %R: there are too many headers"
				  : "http header %R has a character that may not be sent",
		     name);
	return -1;
}

/* PEP 3333: after the head was sent the application's own exception is raised again. */
static int raise_again(PyObject *exc_info)
{
	if (!PyTuple_Check(exc_info) || PyTuple_GET_SIZE(exc_info) != 3)
		return type_error("exc_info must be a 3-item tuple");
	if (!PyExceptionClass_Check(PyTuple_GET_ITEM(exc_info, 0)))
		return type_error("exc_info must be what sys.exc_info() returned");
	PyErr_Restore(Py_NewRef(PyTuple_GET_ITEM(exc_info, 0)), Py_NewRef(PyTuple_GET_ITEM(exc_info, 1)),
		      PyTuple_GET_ITEM(exc_info, 2) == Py_None ? NULL : Py_NewRef(PyTuple_GET_ITEM(exc_info, 2)));
	return -1;
}

static int begin(struct uwsgi_request *req, PyObject *status, PyObject *headers, PyObject *exc_info)
{
	if (req->headers_sent && exc_info)
		return raise_again(exc_info);
	if (req->headers_sent) {
		PyErr_SetString(PyExc_OSError, "headers already sent");
		return -1;
	}
	if (req->status && !exc_info) {
		PyErr_SetString(PyExc_AssertionError, "start_response() was called again without exc_info");
		return -1;
	}
	if (!PyList_Check(headers))
		return type_error("http headers must be in a python list");
	if (set_status(req, status) < 0)
		return -1;
	for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); i++)
		if (add_header(req, PyList_GET_ITEM(headers, i)) < 0)
			return -1;
	if (!py_options()->nodelay)
		return 0;
	Py_BEGIN_ALLOW_THREADS;
	uwsgi_response_flush(req);
	Py_END_ALLOW_THREADS;
	return 0;
}

/* ---- start_response and write ---- */

static PyObject *write_call(PyObject *self, PyObject *data)
{
	struct uwsgi_request *req = ((struct responder *)self)->req;
	Py_buffer view;
	if (!req) {
		PyErr_SetString(PyExc_OSError, "the request of this write() is over");
		return NULL;
	}
	if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
		return NULL;
	int rc;
	Py_BEGIN_ALLOW_THREADS;
	rc = uwsgi_response_write(req, view.buf, (size_t)view.len);
	Py_END_ALLOW_THREADS;
	PyBuffer_Release(&view);
	if (rc >= 0)
		Py_RETURN_NONE;
	PyErr_SetString(PyExc_OSError, "write error");
	return NULL;
}

static PyMethodDef write_method = { "write", write_call, METH_O, "write(data): send a part of the body now" };

static PyObject *responder_call(PyObject *self, PyObject *const *args, size_t flags, PyObject *keywords)
{
	struct responder *r = (struct responder *)self;
	Py_ssize_t n = PyVectorcall_NARGS(flags);
	if (keywords && PyTuple_GET_SIZE(keywords) == 1 && n == 2 &&
	    PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, 0), "exc_info") == 0) {
		n = 3; /* its value follows the positional ones */
		keywords = NULL;
	}
	if (n < 2 || n > 3 || (keywords && PyTuple_GET_SIZE(keywords))) {
		type_error(n < 2 ? "start_response() takes at least 2 arguments"
				 : "start_response() takes status, headers and exc_info");
		return NULL;
	}
	if (!r->req) {
		PyErr_SetString(PyExc_RuntimeError, "the request of this start_response() is over");
		return NULL;
	}
	if (begin(r->req, args[0], args[1], n == 3 && args[2] != Py_None ? args[2] : NULL) < 0)
		return NULL;
	return PyCFunction_New(&write_method, self);
}

static void responder_dealloc(PyObject *self)
{
	PyObject_Free(self);
}

static PyTypeObject responder_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "uwsgi.start_response",
	.tp_basicsize = sizeof(struct responder),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.tp_dealloc = responder_dealloc,
	.tp_vectorcall_offset = offsetof(struct responder, call),
	.tp_call = PyVectorcall_Call,
	.tp_doc = "start_response(status, headers, exc_info=None): begin the response; returns write(data).",
};

int py_response_init(void)
{
	return PyType_Ready(&responder_type);
}

PyObject *py_response_new(struct uwsgi_request *req, PyObject *spare)
{
	struct responder *r = (struct responder *)spare;
	if (r && Py_REFCNT(r) > 1)
		Py_CLEAR(r);
	if (!r && !(r = PyObject_New(struct responder, &responder_type)))
		return NULL;
	r->req = req;
	r->call = responder_call;
	return (PyObject *)r;
}

void py_response_detach(PyObject *start_response)
{
	if (start_response)
		((struct responder *)start_response)->req = NULL;
}

/* ---- the body ---- */

/* The bytes of one piece, until `view` is released.  1, 0 to skip it, or -1. */
static int piece_of(PyObject *o, Py_buffer *view)
{
	if (PyUnicode_Check(o)) {
		/* Programs written for Python 2 return str.  Latin-1 is what WSGI strings are made of. */
		if (PyUnicode_READY(o) < 0)
			return -1;
		if (PyUnicode_KIND(o) == PyUnicode_1BYTE_KIND)
			return PyBuffer_FillInfo(view, o, PyUnicode_1BYTE_DATA(o), PyUnicode_GET_LENGTH(o), 1,
						 PyBUF_SIMPLE) < 0
				       ? -1
				       : 1;
	} else if (PyObject_CheckBuffer(o)) {
		return PyObject_GetBuffer(o, view, PyBUF_SIMPLE) < 0 ? -1 : 1;
	} else if (o == Py_None) {
		return 0;
	}
	PyObject *repr = PyObject_Repr(o);
	const char *text = repr ? PyUnicode_AsUTF8(repr) : NULL;
	uwsgi_log("[ERROR] Unhandled object from iterator: %.200s (%p)\n", text ? text : "?", (void *)o);
	Py_XDECREF(repr);
	PyErr_Clear();
	return 0;
}

/* Send one piece now.  -1 with an exception, 1 when no more is wanted: the client is gone, or has all. */
static int send_piece(struct uwsgi_request *req, PyObject *o)
{
	Py_buffer view;
	int rc = piece_of(o, &view);
	if (rc <= 0)
		return rc;
	rc = 0;
	if (view.len) {
		Py_BEGIN_ALLOW_THREADS;
		rc = uwsgi_response_write(req, view.buf, (size_t)view.len);
		Py_END_ALLOW_THREADS;
	}
	PyBuffer_Release(&view);
	if (rc != -EINVAL)
		return rc != 0;
	PyErr_SetString(PyExc_AssertionError, "the application gave a body before it called start_response()");
	return -1;
}

static int send_iterable(struct uwsgi_request *req, PyObject *iterable)
{
	PyObject *iterator = PyObject_GetIter(iterable);
	if (!iterator)
		return -1;
	int rc = 0;
	PyObject *piece;
	while (rc == 0 && (piece = PyIter_Next(iterator))) {
		rc = send_piece(req, piece);
		Py_DECREF(piece);
	}
	Py_DECREF(iterator);
	return rc < 0 || PyErr_Occurred() ? -1 : 0;
}

static int start_missing(void)
{
	PyErr_SetString(PyExc_AssertionError, "the application returned a body but never called start_response()");
	return -1;
}

/* What a piece of a known body is in memory.  False: it is no bytes, nor a str that can be sent as such. */
static bool memory_of(PyObject *o, struct iovec *iov_r)
{
	if (PyBytes_Check(o))
		*iov_r = (struct iovec){ PyBytes_AS_STRING(o), (size_t)PyBytes_GET_SIZE(o) };
	else if (PyUnicode_Check(o) && PyUnicode_READY(o) == 0 && PyUnicode_KIND(o) == PyUnicode_1BYTE_KIND)
		*iov_r = (struct iovec){ PyUnicode_1BYTE_DATA(o), (size_t)PyUnicode_GET_LENGTH(o) };
	else
		return false;
	return true;
}

/* A list or tuple of bytes: the whole body is known.  1: sent, 0: it has other things in it, -1: exception. */
static int send_pieces(struct py_core *core, PyObject *list)
{
	struct iovec iov[PIECES_MAX];
	PyObject *kept[PIECES_MAX]; /* another thread may change the list while this one is sending */
	Py_ssize_t n = PySequence_Fast_GET_SIZE(list);
	if (n > PIECES_MAX)
		return 0;
	for (Py_ssize_t i = 0; i < n; i++)
		if (!memory_of(PySequence_Fast_GET_ITEM(list, i), &iov[i]))
			return 0;
	if (!core->req->status)
		return start_missing();
	for (Py_ssize_t i = 0; i < n; i++)
		kept[i] = Py_NewRef(PySequence_Fast_GET_ITEM(list, i));
	Py_BEGIN_ALLOW_THREADS;
	uwsgi_response_body(core->req, iov, (int)n);
	Py_END_ALLOW_THREADS;
	for (Py_ssize_t i = 0; i < n; i++)
		Py_DECREF(kept[i]);
	return 1;
}

static int send_whole(struct py_core *core, PyObject *bytes)
{
	PyObject *tuple = PyTuple_Pack(1, bytes);
	int rc = tuple ? send_pieces(core, tuple) : -1;
	Py_XDECREF(tuple);
	return rc < 0 ? -1 : 0;
}

int py_response_send(struct py_core *core, PyObject *result)
{
	if (PyList_CheckExact(result) || PyTuple_CheckExact(result)) {
		int rc = send_pieces(core, result);
		if (rc)
			return rc < 0 ? -1 : 0;
	} else if (PyBytes_Check(result) && !py_options()->strict) {
		return send_whole(core, result);
	} else if (py_file_is_wrapper(result) && core->req->status) {
		int rc = py_file_send(core, result);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	if (send_iterable(core->req, result) < 0)
		return -1;
	return core->req->status ? 0 : start_missing();
}
