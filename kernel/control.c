/* control.c - see control.h. */
#include "control.h"

#include "handover.h"
#include "kernel.h"
#include "option.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <uwsgi/log.h>
#include <uwsgi/shm.h>

#define LOOK_NS 5000000

struct target {
	const char *pidfile;
	pid_t pid;
	int pidfd;
	struct server_shared *shared; /* NULL: it may not be looked into */
};

static _Noreturn void give_up(const struct target *t, const char *doing, const char *why)
{
	uwsgi_log("uwsgi: cannot %s the server of %s: %s\n", doing, t->pidfile, why);
	exit(1);
}

static pid_t read_pid(const struct target *t, const char *doing)
{
	long pid = 0;
	FILE *file = fopen(t->pidfile, "re");
	if (!file)
		give_up(t, doing, strerror(errno));
	int fields = fscanf(file, "%ld", &pid);
	fclose(file);
	if (fields != 1 || pid <= 1)
		give_up(t, doing, "there is no process number in it");
	return (pid_t)pid;
}

/* Map the memory a server holds open.  NULL: it has none; -EACCES in error_r: nobody may look. */
static struct server_shared *look_into(pid_t pid, int *error_r)
{
	static const char wanted[] = "/memfd:uwsgi-" SERVER_MEMORY " ";
	char path[64], link[64];
	struct server_shared *shared = NULL;
	struct dirent *entry;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	*error_r = dir ? 0 : -errno;
	while (dir && !shared && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof link - 1);
		if (n < (ssize_t)sizeof wanted - 1 || memcmp(link, wanted, sizeof wanted - 1) != 0)
			continue;
		int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (fd == -1)
			continue;
		void *memory = mmap(NULL, sizeof *shared, PROT_READ, MAP_SHARED, fd, 0);
		shared = memory == MAP_FAILED ? NULL : memory;
		close(fd);
	}
	if (dir)
		closedir(dir);
	return shared;
}

/* A server of another version, whose memory we do not know: good enough for a signal. */
static bool is_named_so(pid_t pid)
{
	char path[64], name[32] = "";
	snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	char *got = fgets(name, sizeof name, file);
	fclose(file);
	return got && !strncmp(name, "uwsgi", 5);
}

static struct target find(const char *pidfile, const char *doing)
{
	struct target t = { .pidfile = pidfile };
	int error;
	t.pid = read_pid(&t, doing);
	t.pidfd = (int)syscall(SYS_pidfd_open, t.pid, 0);
	if (t.pidfd == -1)
		give_up(&t, doing, errno == ESRCH ? "the process it names is not there any more" : strerror(errno));
	t.shared = look_into(t.pid, &error);
	pid_t master = t.shared ? atomic_load(&t.shared->master_pid) : 0;
	if (master && master != t.pid)
		give_up(&t, doing, "the process it names is not the master");
	if (!t.shared && !is_named_so(t.pid))
		give_up(&t, doing, "the process it names is no uwsgi: the pidfile is stale, nothing was sent");
	return t;
}

static void tell(const struct target *t, const char *doing, int signum)
{
	if (syscall(SYS_pidfd_send_signal, t->pidfd, signum, NULL, 0) == -1)
		give_up(t, doing, strerror(errno));
}

/* Until it ended, be it waited for by its parent or not. */
static bool is_there(const struct target *t)
{
	struct pollfd ended = { .fd = t->pidfd, .events = POLLIN };
	return poll(&ended, 1, 0) == 0;
}

static void look_again_soon(void)
{
	struct timespec pause = { .tv_nsec = LOOK_NS };
	nanosleep(&pause, NULL);
}

/* ---- the options ---- */

/* Waits for the verdict: whoever deploys wants to know it. */
static int do_reload(const char *key, const char *value, void *data)
{
	(void)key;
	(void)data;
	struct target t = find(value, "reload");
	unsigned expected = t.shared ? verdict_expected(&t.shared->verdict) : 0;
	bool master = t.shared && atomic_load(&t.shared->master_pid);
	tell(&t, "reload", SIGHUP);
	if (!master) {
		uwsgi_log("uwsgi: the server of %s was told; how it went is in its log\n", value);
		exit(0);
	}
	while (!verdict_is_given(&t.shared->verdict, expected)) {
		if (!is_there(&t))
			give_up(&t, "reload", "it ended");
		look_again_soon();
	}
	if (!t.shared->verdict.good) {
		uwsgi_log("uwsgi: the reload failed: %s\n", t.shared->verdict.why);
		exit(1);
	}
	exit(0);
}

static int do_stop(const char *key, const char *value, void *data)
{
	(void)key;
	(void)data;
	struct target t = find(value, "stop");
	bool term_reloads = t.shared && atomic_load(&t.shared->term_reloads);
	tell(&t, "stop", t.shared && !term_reloads ? SIGTERM : SIGINT);
	while (is_there(&t))
		look_again_soon();
	exit(0);
}

static const char pause_only[] = "pause", resume_only[] = "resume";

static int do_pause(const char *key, const char *value, void *data)
{
	struct target t = find(value, key);
	bool paused = t.shared && atomic_load(&t.shared->paused);
	bool done = t.shared && ((data == pause_only && paused) || (data == resume_only && !paused));
	if (!done)
		tell(&t, key, SIGTSTP);
	exit(0);
}

int control_register(struct option_registry *options)
{
#define ROW(NAME, FN, DATA, HELP)                                                                                      \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_CALL, .apply = FN, .data = (void *)DATA, .flags = UWSGI_OPT_IMMEDIATE, \
		.group = "control", .help = HELP                                                                       \
	}
	static const struct uwsgi_option rows[] = {
		ROW("reload", do_reload, NULL,
		    "reload the server of this pidfile, wait for how it went, and exit: status 1 and the cause when it "
		    "failed"),
		ROW("stop", do_stop, NULL,
		    "stop the server of this pidfile when its requests are finished, wait for its end, and exit"),
		ROW("pause", do_pause, pause_only, "pause the server of this pidfile, and exit"),
		ROW("suspend", do_pause, pause_only, "the same as pause"),
		ROW("resume", do_pause, resume_only, "let the paused server of this pidfile go on, and exit"),
		{ 0 },
	};
	return option_register(options, "the kernel", rows, sizeof *rows, NULL);
}
