/* override.c - a worker that does something else than accept requests: what a plugin runs, or another program.
 *
 * Such a worker has the sockets and nothing of the kernel's loop.  Signals have their default meaning in it, so that
 * its program can give them another; its end with the master is left to the system. */
#include "override.h"

#include "child.h"
#include "listen.h"
#include "option.h"
#include "plugin_life.h"
#include "proc.h"
#include "trap.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define ARGS_MAX 64

static const char *program; /* worker-exec: an option's variable lives as long as the process */

static int apply_exec(const char *key, const char *value, void *data)
{
	(void)key;
	(void)data;
	program = value;
	return uwsgi_option_set("need-app", "false"); /* it is one */
}

int override_register(struct kernel *k)
{
	static const struct uwsgi_option rows[] = {
		{ "worker-exec", .type = UWSGI_OPT_CALL, .apply = apply_exec, .group = "processes",
		  .help = "run this program in place of each worker, with the first socket as its standard input" },
		{ "worker-exec2", .alias_of = "worker-exec" },
		{ 0 },
	};
	return option_register(k->options, "the kernel", rows, sizeof *rows, NULL);
}

/* ---- becoming a worker of another kind ---- */

/* The kernel ends a process in order with SIGTERM; programs written for uWSGI 2.0 expect SIGHUP for that. */
static void on_term(int signum)
{
	struct sigaction hup;
	sigaction(SIGHUP, NULL, &hup);
	bool handles_hup = hup.sa_handler != SIG_DFL && hup.sa_handler != SIG_IGN;
	if (!handles_hup)
		signal(signum, SIG_DFL);
	raise(handles_hup ? SIGHUP : signum);
}

static void reset_signals(void)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGHUP, SIGALRM, SIGCHLD };
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		signal(signals[i], SIG_DFL);
	signal(SIGTSTP, SIG_IGN); /* a pause of the server, which only its own loop understands */
	signal(SIGTERM, on_term);
	trap_release();
}

/* As a program expects them that knows nothing of the kernel's loop: accept waits, also for clients who do not speak
 * first. */
static void make_sockets_plain(const struct kernel *k)
{
	const struct uwsgi_socket *const *sockets;
	size_t count = listeners_list(k->listeners, &sockets);
	for (size_t i = 0; i < count; i++) {
		setsockopt(sockets[i]->fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &(int){ 0 }, sizeof(int));
		fcntl(sockets[i]->fd, F_SETFL, fcntl(sockets[i]->fd, F_GETFL) & ~O_NONBLOCK);
	}
}

void override_own_process(struct kernel *k)
{
	reset_signals();
	child_end_with_master(k);
}

void override_own(struct kernel *k)
{
	make_sockets_plain(k);
	override_own_process(k);
	child_ready(k);
}

/* ---- another program ---- */

static int run_program(struct kernel *k)
{
	const struct uwsgi_socket *const *sockets;
	char *args[ARGS_MAX + 1] = { NULL }, *words = strdup(program), *state = NULL;
	int count = 0;
	for (char *word = words ? strtok_r(words, " ", &state) : NULL; word && count < ARGS_MAX;
	     word = strtok_r(NULL, " ", &state))
		args[count++] = word;
	override_own(k);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (listeners_list(k->listeners, &sockets) && dup2(sockets[0]->fd, STDIN_FILENO) == -1)
		uwsgi_log("uwsgi: cannot give a socket to %s: %s\n", program, strerror(errno));
	execvp(args[0] ? args[0] : "", args);
	uwsgi_log("uwsgi: cannot run the worker program %s: %s\n", program, strerror(errno));
	return 1;
}

int override_run(struct kernel *k)
{
	return program ? run_program(k) : plugins_worker(k->plugins, k->slot->number);
}
