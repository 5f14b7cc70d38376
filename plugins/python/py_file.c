/* py_file.c - files as response bodies: wsgi.file_wrapper, and uwsgi.sendfile.
 *
 * A file that has a descriptor is sent by the kernel from its present position; anything else with a read method is
 * iterated. */
#include "py.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct wrapper {
	PyObject_HEAD PyObject *file;
	PyObject *block; /* argument of read, or NULL */
};

static PyObject *wrapper_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
	static char *names[] = { "filelike", "blksize", NULL };
	PyObject *file, *block = NULL;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:file_wrapper", names, &file, &block))
		return NULL;
	PyObject *read = PyObject_GetAttrString(file, "read"); /* for its AttributeError */
	if (!read)
		return NULL;
	Py_DECREF(read);
	struct wrapper *w = (struct wrapper *)type->tp_alloc(type, 0);
	if (!w)
		return NULL;
	w->file = Py_NewRef(file);
	w->block = Py_XNewRef(block);
	return (PyObject *)w;
}

static int wrapper_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(((struct wrapper *)self)->file);
	Py_VISIT(((struct wrapper *)self)->block);
	return 0;
}

static int wrapper_clear(PyObject *self)
{
	Py_CLEAR(((struct wrapper *)self)->file);
	Py_CLEAR(((struct wrapper *)self)->block);
	return 0;
}

static void wrapper_dealloc(PyObject *self)
{
	PyObject_GC_UnTrack(self);
	wrapper_clear(self);
	Py_TYPE(self)->tp_free(self);
}

static PyObject *wrapper_next(PyObject *self)
{
	struct wrapper *w = (struct wrapper *)self;
	enum { BLOCK = 32768 };
	PyObject *data = w->block ? PyObject_CallMethod(w->file, "read", "O", w->block)
				  : PyObject_CallMethod(w->file, "read", "i", BLOCK);
	if (!data)
		return NULL;
	if (!PyBytes_Check(data)) {
		PyErr_Format(PyExc_TypeError,
			     "wsgi.file_wrapper: read() gave %.80s, not bytes: open the file in binary mode",
			     Py_TYPE(data)->tp_name);
		Py_CLEAR(data);
	} else if (!PyBytes_GET_SIZE(data)) {
		Py_CLEAR(data); /* without an exception: the iteration ends */
	}
	return data;
}

/* Everything else, close among it, is that of the file. */
static PyObject *wrapper_getattr(PyObject *self, PyObject *name)
{
	PyObject *own = PyObject_GenericGetAttr(self, name);
	if (own || !PyErr_ExceptionMatches(PyExc_AttributeError))
		return own;
	PyErr_Clear();
	return PyObject_GetAttr(((struct wrapper *)self)->file, name);
}

static PyTypeObject wrapper_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "uwsgi.file_wrapper",
	.tp_basicsize = sizeof(struct wrapper),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_new = wrapper_new,
	.tp_dealloc = wrapper_dealloc,
	.tp_traverse = wrapper_traverse,
	.tp_clear = wrapper_clear,
	.tp_getattro = wrapper_getattr,
	.tp_iter = PyObject_SelfIter,
	.tp_iternext = wrapper_next,
	.tp_doc = "file_wrapper(filelike, blksize): the file as the body of a response.",
};

int py_file_init(void)
{
	return PyType_Ready(&wrapper_type);
}

PyObject *py_file_wrapper(void)
{
	return (PyObject *)&wrapper_type;
}

bool py_file_is_wrapper(PyObject *o)
{
	return Py_IS_TYPE(o, &wrapper_type);
}

/* ---- sending ---- */

/* Send `size` bytes from `offset`; -1 for `size`: to the end. */
static int send_range(struct uwsgi_request *req, int fd, int64_t offset, int64_t size)
{
	struct stat st;
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return -EINVAL;
	int64_t rest = st.st_size > offset ? st.st_size - offset : 0;
	if (size < 0 || size > rest)
		size = rest;
	int rc;
	Py_BEGIN_ALLOW_THREADS;
	rc = uwsgi_response_file(req, fd, offset, size);
	Py_END_ALLOW_THREADS;
	return rc;
}

/* The result of a method without arguments as a number; -1 without an exception when there is none. */
static int64_t ask(PyObject *o, const char *method)
{
	PyObject *answer = PyObject_CallMethod(o, method, NULL);
	int64_t number = answer && PyLong_Check(answer) ? PyLong_AsLongLong(answer) : -1;
	Py_XDECREF(answer);
	PyErr_Clear();
	return number;
}

int py_file_send(struct py_core *core, PyObject *wrapper)
{
	PyObject *file = ((struct wrapper *)wrapper)->file;
	int64_t fd = ask(file, "fileno");
	int64_t at = fd < 0 ? -1 : ask(file, "tell");
	/* A text file has positions that are no offsets; iterating it tells its author. */
	if (at < 0 || PyObject_HasAttrString(file, "encoding"))
		return 0;
	int rc = send_range(core->req, (int)fd, at, -1);
	return rc == -EINVAL ? 0 : 1;
}

static int descriptor_of(PyObject *what)
{
	if (PyLong_Check(what))
		return (int)PyLong_AsLong(what);
	if (!PyUnicode_Check(what) && !PyBytes_Check(what))
		return PyObject_AsFileDescriptor(what);
	PyObject *path;
	if (!PyUnicode_FSConverter(what, &path))
		return -1;
	int fd = open(PyBytes_AS_STRING(path), O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		uwsgi_log("uwsgi.sendfile: cannot open %s: %s\n", PyBytes_AS_STRING(path), strerror(errno));
	Py_DECREF(path);
	return fd;
}

PyObject *py_file_sendfile(PyObject *self, PyObject *args, PyObject *keywords)
{
	static char *names[] = { "what", "chunk", "pos", "size", NULL };
	PyObject *what;
	int chunk = 0;
	long long at = 0, size = 0;
	(void)self;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|iLL:sendfile", names, &what, &chunk, &at, &size))
		return NULL;
	struct uwsgi_request *req = uwsgi_request_current();
	if (!req) {
		PyErr_SetString(PyExc_RuntimeError, "sendfile() can be called only while a request is running");
		return NULL;
	}
	int fd = descriptor_of(what);
	if (fd == -1 && PyErr_Occurred())
		return NULL;
	if (fd == -1)
		Py_RETURN_NONE;
	int rc = send_range(req, fd, at, size > 0 ? size : -1);
	if (PyUnicode_Check(what) || PyBytes_Check(what) || PyLong_Check(what))
		close(fd); /* as documented: the server owns a descriptor it was given */
	if (rc == 0)
		Py_RETURN_TRUE;
	PyErr_Format(PyExc_OSError,
		     rc == -EINVAL ? "sendfile() needs a regular file and start_response()" : "write error");
	return NULL;
}
