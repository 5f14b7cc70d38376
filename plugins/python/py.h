/* py.h - what the files of this plugin share: one heading a file.
 *
 * Unless a comment says otherwise the caller holds the GIL, functions that return an object return a new reference, and
 * NULL or -1 means that a Python exception is set. */
#ifndef PY_H
#define PY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <uwsgi.h>
#include <uwsgi/iface/program.h>
#include <uwsgi/iface/script.h>

/* ---- python_plugin.c ---- */

/* What the options set. */
struct py_options {
	const char *home, *executable, *program_name, *argv;
	const char *wsgi_file, *module, *callable, *eval, *worker_override;
	struct uwsgi_strings mounts, path, imports, spooler_imports, aliases, post_aliases;
	bool reload_on_exception;
	struct uwsgi_strings reload_on_type, reload_on_value, reload_on_repr;
	int optimize;
	int auto_reload; /* seconds; 0: no */
	bool no_site, strict, no_file_wrapper, nodelay;
};
const struct py_options *py_options(void);

/* ---- py_interp.c: the interpreter, the GIL and forks ---- */

/* Start Python; the GIL is then held by this thread.  0, or a negative errno after logging why. */
int py_interp_start(void);
/* Around the kernel's forks; a child without a fork (no master) is no child. */
void py_interp_fork(enum uwsgi_fork_phase phase);
/* Is this the child of such a fork, on its way to the server's own work? */
bool py_interp_is_forked_by_server(void);
/* Let other threads run, if this thread holds the GIL since start or fork.  Needs no GIL. */
void py_interp_release(void);
/* Make and end the Python state of a thread of this worker.  Need no GIL. */
void py_interp_thread_init(int core);
void py_interp_thread_exit(void);
/* Give this thread the name by which logs of programs know it, "uWSGIWorker1Core0".  0 or -1. */
int py_interp_name_thread(int core);
/* Take the GIL on a thread of this worker, and give it back.  Need no GIL, and all of it. */
void py_interp_enter(void);
void py_interp_leave(void);
/* Log the current exception with its traceback, and clear it.  A SystemExit is an exception like others. */
void py_print_exception(void);
/* The current exception in one line, "ImportError: no module named x"; it stays set. */
void py_describe_exception(char *line, size_t size);

/* ---- py_child.c: children that the program forks ---- */

/* Once, when Python is there. */
int py_child_init(void);
/* The program gives control back: a child that it forked ends here, with this status. */
void py_child_end(int status);

/* ---- py_exception.c: exceptions after which a worker is replaced ---- */

/* The application raised the current exception, which stays set. */
void py_exception_raised(void);

/* ---- py_stack.c: what a thread that does not answer is doing ---- */

/* Once, when Python is there. */
int py_stack_init(void);
/* A listener of the kernel.  Needs no GIL. */
void py_stack_log(int core, int tid);

/* ---- py_app.c: the applications ---- */

struct py_app {
	char *mountpoint; /* "", "/x" */
	size_t mountpoint_len;
	PyObject *callable;
	int64_t requests, exceptions;
};

/* Load all that is configured.  Their number, or a negative errno after the cause was logged. */
int py_app_load_all(void);
/* Load what is for this process alone, a spooler. */
void py_app_load_spooler(void);
/* The application for a request, NULL when there is none.  `*mounted_r`: found by the path, which loses the
 * mountpoint.  Needs no GIL. */
struct py_app *py_app_of(const struct uwsgi_request *req, bool *mounted_r);

/* ---- py_wsgi.c: one request ---- */

/* What a thread keeps from one request to the next. */
struct py_core {
	struct uwsgi_request *req;
	PyObject *environ;	  /* of the current request, NULL outside */
	PyObject *input;	  /* reused when the application kept no reference */
	PyObject *start_response; /* likewise */
};
struct py_core *py_core(void);

int py_wsgi_init(void);
int py_wsgi_request(struct uwsgi_request *req);

/* ---- py_environ.c: variables of a request as a dict ---- */

int py_environ_init(void);
PyObject *py_environ_new(struct py_core *core, const struct py_app *app, bool mounted);

/* ---- py_input.c: wsgi.input ---- */

int py_input_init(void);
/* The body of `req`; `spare` is an input that may be used again (stolen, may be NULL). */
PyObject *py_input_new(struct uwsgi_request *req, PyObject *spare);
/* The request is over: reading gives the end from now on. */
void py_input_detach(PyObject *input);

/* ---- py_response.c: start_response and the body ---- */

int py_response_init(void);
PyObject *py_response_new(struct uwsgi_request *req, PyObject *spare);
void py_response_detach(PyObject *start_response);
/* Send what the application returned.  0, or -1 with an exception set.  The caller closes the iterable. */
int py_response_send(struct py_core *core, PyObject *result);

/* ---- py_file.c: wsgi.file_wrapper and uwsgi.sendfile ---- */

int py_file_init(void);
PyObject *py_file_wrapper(void); /* borrowed: the type */
bool py_file_is_wrapper(PyObject *o);
/* Send a wrapped file.  1: done, 0: it has to be iterated, -1: exception. */
int py_file_send(struct py_core *core, PyObject *wrapper);
PyObject *py_file_sendfile(PyObject *self, PyObject *args, PyObject *keywords);

/* ---- py_convert.c: neutral values and Python objects ---- */

/* What values borrow from, for as long as a call takes.  Begin without objects: view.obj, too. */
struct py_loans {
	Py_buffer view;	   /* at most one value is a view */
	PyObject *objects; /* a list of elements of containers, which the program may change meanwhile */
};
void py_loans_return(struct py_loans *loans);
/* Borrow `o` as a value of at best type `want`.  What had to be copied is freed with uwsgi_value_clear; without `loans`
 * there are no views, and of a container all is copied. */
int py_value_of(PyObject *o, enum uwsgi_type want, struct uwsgi_value *v_r, struct py_loans *loans);
PyObject *py_object_of(const struct uwsgi_value *v, bool tuples);
/* A handle on a Python callable. */
struct uwsgi_fn *py_fn_new(PyObject *callable);

/* ---- py_api.c: every API row as a function ---- */

int py_api_bind(PyObject *module);

/* ---- py_program.c: parts of the program that are run or called by name; need no GIL unless they say so ---- */

/* Run an open file as __main__; its exit status.  Needs the GIL. */
int py_program_run_file(FILE *file, const char *path);
/* The exit status that the current exception means; it is printed unless it only says so.  Needs the GIL. */
int py_program_exit_status(void);
/* See uwsgi/iface/script.h and uwsgi/iface/program.h. */
int py_program_script(const char *script, int *status_r);
struct uwsgi_fn *py_program_callable(const char *name);

/* ---- py_worker.c: a script in place of the accept loop ---- */

int py_worker_run(int number); /* see uwsgi_plugin.worker; needs no GIL */

/* ---- py_autoreload.c: reload when the program changes ---- */

void py_autoreload_start(const char *kind, int number); /* a listener of the kernel; needs no GIL */

/* ---- py_module.c: the module `uwsgi` ---- */

int py_module_init(void);
/* An attribute that the program set (uwsgi.atexit, ...), borrowed, NULL when unset or None. */
PyObject *py_module_hook(const char *name);
/* Call such an attribute without arguments; an exception is logged. */
void py_module_call_hook(const char *name);
/* The same for after_req_hook, which is looked for at every request. */
void py_module_after_request(void);

#endif
