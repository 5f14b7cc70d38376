/* sink_stream.c - lines to a descriptor, to standard output, or to the standard input of a command. */
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_MS 2000 /* for a command to notice the end of its input */

static ssize_t stream_write(struct sink *sink, const char *text, size_t len)
{
	ssize_t n;
	do
		n = write(sink->fd, text, len);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -errno : n;
}

static int configure_fd(struct sink *sink, char *args)
{
	char *end;
	long fd = strtol(args, &end, 10);
	if (end == args || *end || fd < 0 || fcntl((int)fd, F_GETFD) == -1) {
		uwsgi_cause("logger %s: %s is no open descriptor", sink->name, args);
		return -EBADF;
	}
	/* 1 and 2 are the writer's own then, which are those the server was started with */
	sink->fd = (int)fd;
	return 0;
}

static int configure_stdio(struct sink *sink, char *args)
{
	(void)args;
	sink->fd = STDOUT_FILENO;
	return 0;
}

const struct sink_type sink_fd = { .configure = configure_fd, .write = stream_write, .lines = true };
const struct sink_type sink_stdio = { .configure = configure_stdio, .write = stream_write, .lines = true };

/* ---- a command ---- */

static int configure_pipe(struct sink *sink, char *args)
{
	sink->path = args;
	if (*args)
		return 0;
	uwsgi_cause("logger %s: the command is missing", sink->name);
	return -EINVAL;
}

static void run_command(const char *command, int input)
{
	static const int ours[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGPIPE, SIGCHLD };
	sigset_t none;
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		signal(ours[i], SIG_DFL);
	/* as we do: it ends when its input does, not with a key of the terminal */
	signal(SIGINT, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(input, STDIN_FILENO);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int pipe_open(struct sink *sink)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) == -1)
		return -errno;
	sink->pid = fork();
	if (sink->pid == 0)
		run_command(sink->path, fds[0]);
	int failed = sink->pid == -1 ? -errno : 0;
	close(fds[0]);
	if (failed)
		close(fds[1]);
	else
		sink->fd = fds[1];
	return failed;
}

static ssize_t pipe_write(struct sink *sink, const char *text, size_t len)
{
	ssize_t n = stream_write(sink, text, len);
	if (n != -EPIPE)
		return n;
	/* it ended: another takes its place when this is tried again */
	close(sink->fd);
	sink->fd = -1;
	waitpid(sink->pid, NULL, WNOHANG);
	return n;
}

static void pipe_close(struct sink *sink)
{
	if (sink->fd == -1)
		return;
	close(sink->fd);
	for (int waited = 0; waitpid(sink->pid, NULL, WNOHANG) == 0; waited += 10) {
		if (waited == COMMAND_MS)
			kill(sink->pid, SIGTERM);
		if (waited == 2 * COMMAND_MS)
			kill(sink->pid, SIGKILL);
		poll(NULL, 0, 10);
	}
}

const struct sink_type sink_pipe = {
	.configure = configure_pipe,
	.open = pipe_open,
	.write = pipe_write,
	.close = pipe_close,
	.lines = true,
};
