/* py_worker.c - a script in place of the accept loop: it has uwsgi.sockets, and does with them what it likes. */
#include "py.h"

#include <errno.h>
#include <signal.h>

/* What a script finds in any Python: SIGINT raises KeyboardInterrupt, SIGHUP and SIGQUIT end it. */
static int set_signals(void)
{
	PyObject *module = PyImport_ImportModule("signal");
	PyObject *interrupt = module ? PyObject_GetAttrString(module, "default_int_handler") : NULL;
	PyObject *otherwise = interrupt ? PyObject_GetAttrString(module, "SIG_DFL") : NULL;
	const struct {
		int signum;
		PyObject *handler;
	} rows[] = { { SIGINT, interrupt }, { SIGHUP, otherwise }, { SIGQUIT, otherwise } };
	int rc = otherwise ? 0 : -1;
	for (size_t i = 0; i < sizeof rows / sizeof *rows && rc == 0; i++) {
		PyObject *old = PyObject_CallMethod(module, "signal", "iO", rows[i].signum, rows[i].handler);
		rc = old ? 0 : -1;
		Py_XDECREF(old);
	}
	Py_XDECREF(otherwise);
	Py_XDECREF(interrupt);
	Py_XDECREF(module);
	return rc;
}

int py_worker_run(int number)
{
	const char *path = py_options()->worker_override;
	if (!path)
		return -ENOENT;
	uwsgi_worker_own();
	FILE *file = fopen(path, "re");
	if (!file) {
		uwsgi_log("open(\"%s\"): %s; worker %d ends\n", path, strerror(errno), number);
		return 1;
	}
	py_interp_enter();
	bool ready = set_signals() == 0 && py_interp_name_thread(0) == 0;
	int status = ready ? py_program_run_file(file, path) : py_program_exit_status();
	py_interp_leave();
	fclose(file);
	return status;
}
