/* py_child.c - children that the program forks (os.fork, multiprocessing) in a process of the server.
 *
 * Such a child is a copy of that process, and must not go on as one: it would take the same tasks, messages and
 * connections.  It ends where it comes back to the server.  One of a mule or a spooler may well live longer than the
 * server; the server's sockets must not. */
#include "py.h"

#include <unistd.h>

static bool is_child; /* this process is one */

static void close_sockets(void)
{
	const struct uwsgi_socket *const *sockets;
	size_t n = uwsgi_sockets(&sockets);
	for (size_t i = 0; i < n; i++)
		close(sockets[i]->fd);
}

static PyObject *after_fork(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	if (py_interp_is_forked_by_server())
		Py_RETURN_NONE;
	if (!is_child && uwsgi_my_number() && strcmp(uwsgi_my_kind(), "worker"))
		close_sockets();
	is_child = true;
	Py_RETURN_NONE;
}

int py_child_init(void)
{
	static PyMethodDef definition = { "after_fork", after_fork, METH_NOARGS, NULL };
	PyObject *os = PyImport_ImportModule("os");
	PyObject *register_it = os ? PyObject_GetAttrString(os, "register_at_fork") : NULL;
	PyObject *function = register_it ? PyCFunction_New(&definition, NULL) : NULL;
	PyObject *keywords = function ? Py_BuildValue("{sO}", "after_in_child", function) : NULL;
	PyObject *nothing = keywords ? PyTuple_New(0) : NULL;
	PyObject *done = nothing ? PyObject_Call(register_it, nothing, keywords) : NULL;
	int rc = done ? 0 : -1;
	Py_XDECREF(done);
	Py_XDECREF(nothing);
	Py_XDECREF(keywords);
	Py_XDECREF(function);
	Py_XDECREF(register_it);
	Py_XDECREF(os);
	return rc;
}

static void flush(void)
{
	PyObject *out = PySys_GetObject("stdout"); /* borrowed */
	PyObject *done = out ? PyObject_CallMethod(out, "flush", NULL) : NULL;
	Py_XDECREF(done);
	PyErr_Clear();
}

void py_child_end(int status)
{
	if (!is_child)
		return;
	if (PyErr_Occurred())
		py_print_exception();
	uwsgi_log("%s %d: process %d, which its program forked, ends where it would come back to the server\n",
		  uwsgi_my_kind(), uwsgi_my_number(), (int)getpid());
	flush();
	_exit(status);
}
