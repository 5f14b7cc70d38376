/* py_input.c - wsgi.input: the body of a request as a file.
 *
 * read() receives straight into the bytes it returns.  Lines need a look ahead, kept in a small buffer that read() then
 * empties first. */
#include "py.h"

#include <errno.h>
#include <stdlib.h>

enum { LINE_BLOCK = 8192, FIRST_BLOCK = 256 * 1024 };

struct input {
	PyObject_HEAD struct uwsgi_request *req; /* NULL once the request is over */
	char *ahead;				 /* LINE_BLOCK bytes, made by the first readline */
	size_t begin, end;			 /* what of it was not taken yet */
	int64_t taken;
};

/* ---- receiving ---- */

/* Up to `max` bytes of the body, at least `min` unless it ends.  The count, or -1 with an exception. */
static ssize_t receive(struct input *in, char *buf, size_t min, size_t max, const char *what, Py_ssize_t asked)
{
	if (!in->req)
		return 0;
	ssize_t n;
	Py_BEGIN_ALLOW_THREADS;
	n = uwsgi_body_read(in->req, buf, min, max);
	Py_END_ALLOW_THREADS;
	if (n >= 0)
		return n;
	PyErr_Format(PyExc_OSError, "%s during %s(%zd) on wsgi.input", n == -ETIMEDOUT ? "timeout" : "error", what,
		     asked);
	return -1;
}

static size_t take_ahead(struct input *in, char *to, size_t max)
{
	size_t n = in->end - in->begin;
	if (n > max)
		n = max;
	if (n)
		memcpy(to, in->ahead + in->begin, n);
	in->begin += n;
	return n;
}

/* How many bytes there still may be: exact for a body with a length. */
static int64_t expected(const struct input *in)
{
	int64_t ahead = (int64_t)(in->end - in->begin);
	int64_t left = in->req ? uwsgi_body_left(in->req) : 0;
	return left < 0 ? -1 : ahead + left;
}

/* Read `want` bytes, or everything when it is negative.  Memory is taken as the body comes, not as it is announced. */
static PyObject *read_bytes(struct input *in, Py_ssize_t want)
{
	int64_t left = expected(in);
	int64_t goal = left < 0 ? want : want < 0 || left < want ? left : want; /* -1: until the end */
	if (goal == 0)
		return PyBytes_FromStringAndSize(NULL, 0);
	size_t room = goal < 0 || goal > FIRST_BLOCK ? FIRST_BLOCK : (size_t)goal;
	PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)room);
	if (!bytes)
		return NULL;
	size_t have = take_ahead(in, PyBytes_AS_STRING(bytes), room);
	for (;;) {
		size_t more = room - have;
		ssize_t n = more ? receive(in, PyBytes_AS_STRING(bytes) + have, more, more, "read", want) : 0;
		if (n < 0) {
			Py_DECREF(bytes);
			return NULL;
		}
		have += (size_t)n;
		if (have < room || (goal >= 0 && have == (size_t)goal))
			break;
		room *= 2;
		if (goal >= 0 && room > (size_t)goal)
			room = (size_t)goal;
		if (_PyBytes_Resize(&bytes, (Py_ssize_t)room) < 0)
			return NULL;
	}
	in->taken += (int64_t)have;
	if (have < room && _PyBytes_Resize(&bytes, (Py_ssize_t)have) < 0)
		return NULL;
	return bytes;
}

/* Make sure something is ahead.  1, 0 at the end of the body, or -1. */
static int fill_ahead(struct input *in, Py_ssize_t hint)
{
	if (in->begin < in->end)
		return 1;
	if (!in->req)
		return 0;
	if (!in->ahead && !(in->ahead = malloc(LINE_BLOCK))) {
		PyErr_NoMemory();
		return -1;
	}
	in->begin = in->end = 0;
	ssize_t n = receive(in, in->ahead, 1, LINE_BLOCK, "readline", hint);
	if (n > 0)
		in->end = (size_t)n;
	return n < 0 ? -1 : n > 0;
}

/* One line with its end, at most `limit` bytes of it unless that is negative.  b"" at the end. */
static PyObject *read_line(struct input *in, Py_ssize_t limit)
{
	PyObject *line = PyBytes_FromStringAndSize(NULL, 0);
	size_t have = 0, most = limit < 0 ? (size_t)PY_SSIZE_T_MAX : (size_t)limit;
	while (line && have < most) {
		int filled = fill_ahead(in, limit < 0 ? 0 : limit);
		if (filled < 0)
			Py_CLEAR(line);
		if (filled <= 0)
			break;
		size_t n = in->end - in->begin;
		if (n > most - have)
			n = most - have;
		const char *newline = memchr(in->ahead + in->begin, '\n', n);
		if (newline)
			n = (size_t)(newline - (in->ahead + in->begin)) + 1;
		if (_PyBytes_Resize(&line, (Py_ssize_t)(have + n)) < 0)
			return NULL;
		have += take_ahead(in, PyBytes_AS_STRING(line) + have, n);
		if (newline)
			break;
	}
	in->taken += (int64_t)have;
	return line;
}

/* ---- methods ---- */

/* The optional size argument: -1 when it is absent, None or negative. */
static int size_argument(const char *name, PyObject *const *args, Py_ssize_t n, Py_ssize_t *size_r)
{
	*size_r = -1;
	if (n > 1) {
		PyErr_Format(PyExc_TypeError, "%s() takes at most 1 argument (%zd given)", name, n);
		return -1;
	}
	if (n == 0 || args[0] == Py_None)
		return 0;
	Py_ssize_t size = PyNumber_AsSsize_t(args[0], PyExc_OverflowError);
	if (size == -1 && PyErr_Occurred())
		return -1;
	*size_r = size < 0 ? -1 : size;
	return 0;
}

static PyObject *input_read(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
	Py_ssize_t size;
	return size_argument("read", args, n, &size) < 0 ? NULL : read_bytes((struct input *)self, size);
}

static PyObject *input_readline(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
	Py_ssize_t size;
	return size_argument("readline", args, n, &size) < 0 ? NULL : read_line((struct input *)self, size);
}

static PyObject *input_readlines(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
	Py_ssize_t hint, total = 0;
	if (size_argument("readlines", args, n, &hint) < 0)
		return NULL;
	PyObject *list = PyList_New(0);
	while (list && (hint <= 0 || total < hint)) {
		PyObject *line = read_line((struct input *)self, -1);
		if (line && !PyBytes_GET_SIZE(line)) {
			Py_DECREF(line);
			break;
		}
		if (line)
			total += PyBytes_GET_SIZE(line);
		if (!line || PyList_Append(list, line) < 0)
			Py_CLEAR(list);
		Py_XDECREF(line);
	}
	return list;
}

static PyObject *input_next(PyObject *self)
{
	PyObject *line = read_line((struct input *)self, -1);
	if (line && !PyBytes_GET_SIZE(line))
		Py_CLEAR(line); /* without an exception: the iteration ends */
	return line;
}

static PyObject *input_tell(PyObject *self, PyObject *unused)
{
	(void)unused;
	return PyLong_FromLongLong(((struct input *)self)->taken);
}

static PyObject *input_fileno(PyObject *self, PyObject *unused)
{
	struct input *in = (struct input *)self;
	(void)unused;
	if (in->req)
		return PyLong_FromLong(uwsgi_request_fd(in->req));
	PyErr_SetString(PyExc_OSError, "the request of this wsgi.input is over");
	return NULL;
}

static PyObject *input_seek(PyObject *self, PyObject *args)
{
	(void)self;
	(void)args;
	PyErr_SetString(PyExc_OSError, "wsgi.input cannot seek: it is the connection to the client");
	return NULL;
}

static PyObject *input_close(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	Py_RETURN_NONE;
}

static void input_dealloc(PyObject *self)
{
	free(((struct input *)self)->ahead);
	PyObject_Free(self);
}

#define FASTCALL(f) (PyCFunction)(void (*)(void))(f), METH_FASTCALL
static PyMethodDef methods[] = {
	{ "read", FASTCALL(input_read), "read(size=-1): bytes of the body, b'' at its end" },
	{ "readline", FASTCALL(input_readline),
	  "readline(size=-1): one line with its end, b'' at the end of the body" },
	{ "readlines", FASTCALL(input_readlines), "readlines(hint=-1): all lines, or lines of at least hint bytes" },
	{ "tell", input_tell, METH_NOARGS, "How many bytes were read." },
	{ "fileno", input_fileno, METH_NOARGS, "Descriptor of the connection." },
	{ "seek", input_seek, METH_VARARGS, "Raises OSError." },
	{ "close", input_close, METH_NOARGS, "Does nothing: the body belongs to the server." },
	{ 0 },
};

static PyTypeObject input_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "uwsgi._Input",
	.tp_basicsize = sizeof(struct input),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.tp_dealloc = input_dealloc,
	.tp_iter = PyObject_SelfIter,
	.tp_iternext = input_next,
	.tp_methods = methods,
	.tp_doc = "The body of a request.",
};

int py_input_init(void)
{
	return PyType_Ready(&input_type);
}

PyObject *py_input_new(struct uwsgi_request *req, PyObject *spare)
{
	struct input *in = (struct input *)spare;
	if (in && Py_REFCNT(in) > 1)
		Py_CLEAR(in);
	if (!in) {
		in = PyObject_New(struct input, &input_type);
		if (!in)
			return NULL;
		in->ahead = NULL;
	}
	in->req = req;
	in->begin = in->end = 0;
	in->taken = 0;
	return (PyObject *)in;
}

void py_input_detach(PyObject *input)
{
	struct input *in = (struct input *)input;
	if (!in)
		return;
	in->req = NULL;
	in->begin = in->end = 0;
}
