/* emperor_spawn.c - from a vassal's file to its process. */
#include "emperor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_FD 3 /* the vassal's end */
#define LINE_FD_TEXT "3"

void vassal_hook(const char *command, const char *name, bool wait)
{
	char *line;
	int status;
	if (!command || asprintf(&line, "%s \"$@\"", command) == -1)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		/* one that is not waited for must not become our child to bury */
		if (!wait && fork())
			_exit(0);
		execl("/bin/sh", "sh", "-c", line, "sh", name, (char *)NULL);
		_exit(127);
	}
	free(line);
	while (pid > 0 && waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (pid > 0 && wait && status)
		uwsgi_log("[emperor] the hook \"%s\" for vassal %s failed, status %d\n", command, name, status);
}

static _Noreturn void give_up(const struct vassal_order *order, const char *doing, const char *what)
{
	uwsgi_log("[emperor] cannot start vassal %s: %s %s: %s\n", order->name, doing, what, strerror(errno));
	_exit(1);
}

static void become(const struct vassal_order *order)
{
	const struct passwd *user = order->options->tyrant_initgroups ? getpwuid(order->uid) : NULL;
	gid_t gid = order->gid;
	if ((user ? initgroups(user->pw_name, gid) : setgroups(1, &gid)) == -1)
		give_up(order, "giving up", "the groups");
	if (setgid(gid) == -1 || setuid(order->uid) == -1)
		give_up(order, "becoming", "the owner of its file");
}

/* Nothing of the Emperor goes on but standard output and error, and the line to him. */
static void forget_emperor(const struct vassal_order *order, int line)
{
	sigset_t none;
	sigemptyset(&none);
	for (int signum = 1; signum < NSIG; signum++)
		signal(signum, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int in = order->demand_fd == -1 ? open("/dev/null", O_RDONLY) : order->demand_fd;
	if (in == -1 || dup2(in, STDIN_FILENO) == -1)
		give_up(order, "opening", "its standard input");
	/* dup2 to itself would leave it close-on-exec */
	if (line == LINE_FD ? fcntl(line, F_SETFD, 0) == -1 : dup2(line, LINE_FD) == -1)
		give_up(order, "opening", "the line to its Emperor");
	close_range(LINE_FD + 1, ~0U, 0);
	if (setenv("UWSGI_EMPEROR_FD", LINE_FD_TEXT, 1) == -1 ||
	    (order->dir && setenv("UWSGI_VASSALS_DIR", order->dir, 1) == -1))
		give_up(order, "making", "its environment");
}

/* Each program in turn; the first that can be run is. */
static void try_each(const struct vassal_order *order, const struct uwsgi_strings *programs)
{
	for (size_t i = 0; i < programs->n; i++) {
		const char **argv = vassal_argv(order->options, programs->v[i], order->format, order->name);
		if (argv)
			execvp(argv[0], (char **)argv);
		free(argv);
	}
}

static _Noreturn void run(const struct vassal_order *order, int line)
{
	const struct emperor_options *o = order->options;
	const char *program = o->wrapper ? o->wrapper : o->binary;
	setpgid(0, 0); /* what a terminal sends is for the Emperor */
	forget_emperor(order, line);
	if (order->dir && chdir(order->dir) == -1)
		give_up(order, "changing to the directory", order->dir);
	vassal_hook(o->start_hook, order->name, true);
	if (o->tyrant)
		become(order);
	/* for a program that does not listen to the line; after the change of user, which would forget it */
	prctl(PR_SET_PDEATHSIG, SIGINT);
	try_each(order, &o->wrapper_override);
	try_each(order, &(struct uwsgi_strings){ &program, 1 });
	try_each(order, &o->wrapper_fallback);
	give_up(order, "running", program);
}

pid_t vassal_spawn(const struct vassal_order *order, int *line_r)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		run(order, pair[1]);
	int error = errno;
	close(pair[1]);
	if (pid == -1) {
		close(pair[0]);
		return -error;
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*line_r = pair[0];
	return pid;
}
