/* jail.c - see jail.h.
 *
 * Who asked for a namespace of pids gets a server whose master is the first process of it.  The process that was
 * started stays outside as its guard: its pid is the one the world knows. */
#include "jail.h"

#include "option.h"
#include "trap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/log.h>

static const struct {
	const char *name;
	int flag;
} namespaces[] = {
	{ "fs", CLONE_NEWNS },	   { "mount", CLONE_NEWNS },	  { "mnt", CLONE_NEWNS },  { "ns", CLONE_NEWNS },
	{ "ipc", CLONE_NEWIPC },   { "net", CLONE_NEWNET },	  { "pid", CLONE_NEWPID }, { "uts", CLONE_NEWUTS },
	{ "user", CLONE_NEWUSER }, { "cgroup", CLONE_NEWCGROUP },
};

static int find_namespace(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++)
		if (!strncmp(namespaces[i].name, name, n) && !namespaces[i].name[n])
			return namespaces[i].flag;
	return 0;
}

int jail_namespaces(const char *text, int *flags_r, const char **unknown_r, int *length_r)
{
	int flags = 0;
	for (const char *at = text; *at;) {
		size_t n = strcspn(at, ", ");
		int flag = n ? find_namespace(at, n) : 0;
		if (n && !flag) {
			*unknown_r = at;
			*length_r = (int)n;
			return -EINVAL;
		}
		flags |= flag;
		at += n;
		at += strspn(at, ", ");
	}
	*flags_r = flags;
	return 0;
}

static int fail(const char *doing, const char *what)
{
	int error = errno;
	uwsgi_cause("cannot %s %s: %s", doing, what, strerror(error));
	return -error;
}

/* ---- namespaces ---- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd != -1 && write(fd, text, strlen(text)) != -1;
	int error = errno;
	if (fd != -1)
		close(fd);
	errno = error;
	return written ? 0 : fail("write", path);
}

/* In a namespace of users without a map nobody is anybody: this process stays who it is. */
static int map_user(uid_t uid, gid_t gid)
{
	char users[64], groups[64];
	snprintf(users, sizeof users, "%u %u 1", uid, uid);
	snprintf(groups, sizeof groups, "%u %u 1", gid, gid);
	int failed = write_file("/proc/self/setgroups", "deny");
	if (!failed)
		failed = write_file("/proc/self/uid_map", users);
	return failed ? failed : write_file("/proc/self/gid_map", groups);
}

static int leave(int flags)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	if (flags && unshare(flags) == -1)
		return fail("leave", "the namespaces of the machine (unshare)");
	/* what is mounted in here stays in here */
	if (flags & CLONE_NEWNS && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == -1)
		return fail("keep to itself", "the namespace of mounts");
	return flags & CLONE_NEWUSER ? map_user(uid, gid) : 0;
}

/* The line on which the guard tells the one inside that it may go on: by closing its end. */
static int gate[2];

static int fork_inside(pid_t *inside_r)
{
	char byte;
	if (pipe2(gate, O_CLOEXEC) == -1)
		return fail("make", "a pipe into the namespace of pids");
	trap_hold(); /* until the trap is open: what comes meanwhile would be lost on the first of a namespace */
	*inside_r = fork();
	if (*inside_r == -1)
		return fail("fork into", "the namespace of pids");
	close(gate[*inside_r == 0]);
	if (*inside_r == 0) {
		(void)!read(gate[0], &byte, 1);
		close(gate[0]);
	}
	return 0;
}

int jail_leave(const struct jail *jail, pid_t *inside_r)
{
	*inside_r = 0;
	int failed = leave(jail->namespaces);
	return failed || !(jail->namespaces & CLONE_NEWPID) ? failed : fork_inside(inside_r);
}

/* ---- the root directory ---- */

static int pivot(const char *words)
{
	const char *space = strchr(words, ' ');
	char *new_root = strndup(words, (size_t)(space - words));
	int failed =
		!new_root || syscall(SYS_pivot_root, new_root, space + strspn(space, " ")) == -1 || chdir("/") == -1;
	free(new_root);
	if (failed && errno == EINVAL)
		uwsgi_log("pivot-root: the new root has to be a mount point, and the old one a directory in it\n");
	return failed ? fail("pivot to the root", words) : 0;
}

int jail_enter(const struct jail *jail)
{
	int failed = jail->pivot_root ? pivot(jail->pivot_root) : 0;
	if (!failed && jail->chroot && (chroot(jail->chroot) == -1 || chdir("/") == -1))
		failed = fail("change the root directory to", jail->chroot);
	return failed ? failed : leave(jail->late_namespaces);
}

bool jail_is_closed(const struct jail *jail)
{
	return jail->chroot || jail->pivot_root;
}

/* ---- the guard ---- */

static int status_of(int wstatus)
{
	return WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus);
}

_Noreturn void jail_guard(pid_t inside)
{
	static const int passed[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP };
	sigset_t set, others;
	int wstatus, signum;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
		sigaddset(&set, passed[i]);
	others = set;
	sigprocmask(SIG_SETMASK, &others, NULL);
	close(gate[1]);
	for (;;) {
		if (sigwait(&set, &signum))
			continue;
		if (signum != SIGCHLD)
			kill(inside, signum);
		else if (waitpid(inside, &wstatus, WNOHANG) == inside)
			_exit(status_of(wstatus));
	}
}

void jail_follow(const struct jail *jail)
{
	if (jail->namespaces & CLONE_NEWPID)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* ---- options ---- */

static int apply_namespaces(const char *key, const char *value, void *data)
{
	struct jail *jail = data;
	const char *unknown;
	int length, flags;
	bool late = !strcmp(key, "unshare2");
	if (jail_namespaces(value, &flags, &unknown, &length)) {
		uwsgi_log(
			"%s = %s: there is no namespace \"%.*s\"; there are fs, ipc, net, pid, uts, user and cgroup\n",
			key, value, length, unknown);
		return -EINVAL;
	}
	if (late && flags & CLONE_NEWPID) {
		uwsgi_log("%s = %s: a namespace of pids is left with unshare\n", key, value);
		return -EINVAL;
	}
	*(late ? &jail->late_namespaces : &jail->namespaces) |= flags;
	return 0;
}

static int apply_pivot(const char *key, const char *value, void *data)
{
	const char *space = strchr(value, ' ');
	if (!space || space == value || !space[strspn(space, " ")]) {
		uwsgi_log("%s = %s: give the new root and a directory in it for the old one\n", key, value);
		return -EINVAL;
	}
	((struct jail *)data)->pivot_root = strdup(value);
	return ((struct jail *)data)->pivot_root ? 0 : -ENOMEM;
}

#define FIELD(NAME) ((void *)offsetof(struct jail, NAME))
/* clang-format off */
static const struct uwsgi_option rows[] = {
	{ "chroot", .type = UWSGI_OPT_STR, .value = FIELD(chroot), .group = "privileges", .help = "root directory of all processes; a reload loads the application anew, but not the configuration" },
	{ "pivot-root", .type = UWSGI_OPT_CALL, .apply = apply_pivot, .group = "privileges", .help = "\"new old\": a mount point to be the root directory, and a directory in it for the old one; reloads as with chroot" },
	{ "pivot_root", .alias_of = "pivot-root" },
	{ "unshare", .type = UWSGI_OPT_CALL, .apply = apply_namespaces, .group = "privileges", .help = "namespaces not to share with the machine, separated by commas: fs, ipc, net, pid, uts, user, cgroup" },
	{ "unshare2", .type = UWSGI_OPT_CALL, .apply = apply_namespaces, .group = "privileges", .help = "the same, after the root directory changed" },
	{ 0 },
};
/* clang-format on */

struct jail *jail_register(struct option_registry *options)
{
	struct jail *jail = calloc(1, sizeof *jail);
	return jail && option_register(options, "the kernel", rows, sizeof *rows, jail) == 0 ? jail : NULL;
}
