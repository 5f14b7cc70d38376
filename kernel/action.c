/* action.c - see action.h: one row each, in the table at the end.
 *
 * An action gets its arguments as a text it may cut up.  It returns 0 or a negative errno; where the errno's text would
 * not tell enough, it writes its own into `why`. */
#include "action.h"

#include "privs.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/log.h>
#include <uwsgi/loop.h>

#define WAIT_MS 60000 /* for a file, a socket, the reader of a FIFO */
#define LOOK_MS 50

struct call {
	char *args; /* what is left of them */
	bool wait;
	char *why;
};

struct action_row {
	const char *name;
	int (*fn)(struct call *call);
};

/* The next word; NULL: there is none. */
static char *word(struct call *call)
{
	char *at = call->args + strspn(call->args, " ");
	size_t n = strcspn(at, " ");
	if (!n)
		return NULL;
	call->args = at[n] ? at + n + 1 : at + n;
	at[n] = 0;
	return at;
}

static int misused(struct call *call, const char *usage)
{
	snprintf(call->why, ACTION_WHY, "it is written %s", usage);
	return -EINVAL;
}

static int done(int result)
{
	return result == -1 ? -errno : 0;
}

/* ---- directories and files ---- */

static int do_chdir(struct call *call)
{
	return done(chdir(call->args));
}

/* One that is there already is what was wanted. */
static int do_mkdir(struct call *call)
{
	struct stat st;
	int failed = done(mkdir(call->args, 0777));
	return failed == -EEXIST && stat(call->args, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : failed;
}

static int do_unlink(struct call *call)
{
	return done(unlink(call->args));
}

static int do_chmod(struct call *call)
{
	char *path = word(call), *mode = word(call), *end;
	if (!mode)
		return misused(call, "chmod:FILE MODE");
	unsigned long bits = strtoul(mode, &end, 8);
	return *end || bits > 07777 ? misused(call, "chmod:FILE MODE, octal") : done(chmod(path, (mode_t)bits));
}

static int do_sticky(struct call *call)
{
	struct stat st;
	if (stat(call->args, &st) == -1)
		return -errno;
	return done(chmod(call->args, (st.st_mode & 07777) | S_ISVTX));
}

static int do_chown(struct call *call)
{
	char *path = word(call), *user = word(call), *group = word(call);
	uid_t uid;
	gid_t gid;
	if (!user)
		return misused(call, "chown:FILE USER GROUP");
	char *colon = strchr(user, ':');
	if (colon) {
		*colon = 0;
		group = colon + 1;
	}
	if (privs_uid(user, &uid) || privs_gid(group, &gid)) {
		snprintf(call->why, ACTION_WHY, "there is no such user or group");
		return -ENOENT;
	}
	return done(chown(path, uid, gid));
}

static int write_into(struct call *call, int flags, const char *end)
{
	char *path = word(call);
	if (!path)
		return misused(call, "ACTION:FILE TEXT");
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0666);
	if (fd == -1)
		return -errno;
	int failed = dprintf(fd, "%s%s", call->args, end) < 0 ? -errno : 0;
	close(fd);
	return failed;
}

static int do_create(struct call *call)
{
	int fd = open(call->args, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return fd == -1 ? -errno : done(close(fd));
}

static int do_write(struct call *call)
{
	return write_into(call, O_CREAT | O_TRUNC, "");
}

static int do_writen(struct call *call)
{
	return write_into(call, O_CREAT | O_TRUNC, "\n");
}

static int do_append(struct call *call)
{
	return write_into(call, O_CREAT | O_APPEND, "");
}

static int do_appendn(struct call *call)
{
	return write_into(call, O_CREAT | O_APPEND, "\n");
}

static int do_writefifo(struct call *call)
{
	return write_into(call, O_NONBLOCK, "");
}

/* ---- waiting ---- */

static int wait_until(bool (*there)(const char *what, mode_t type), const char *what, mode_t type)
{
	uint64_t end = uwsgi_now_ms() + WAIT_MS;
	while (!there(what, type)) {
		if (uwsgi_now_ms() >= end)
			return -ETIMEDOUT;
		poll(NULL, 0, LOOK_MS);
	}
	return 0;
}

static bool is_there(const char *path, mode_t type)
{
	struct stat st;
	return stat(path, &st) == 0 && (!type || (st.st_mode & S_IFMT) == type);
}

static bool is_read(const char *fifo, mode_t type)
{
	(void)type;
	int fd = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd != -1)
		close(fd);
	return fd != -1;
}

static int do_spinningfifo(struct call *call)
{
	char path[4096];
	snprintf(path, sizeof path, "%.*s", (int)strcspn(call->args, " "), call->args);
	int failed = wait_until(is_read, path, 0);
	return failed ? failed : write_into(call, O_NONBLOCK, "");
}

static bool connects(int domain, const struct sockaddr *address, socklen_t size)
{
	int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = fd != -1 && connect(fd, address, size) == 0;
	if (fd != -1)
		close(fd);
	return connected;
}

static bool accepts(const char *address, mode_t type)
{
	struct addrinfo *found = NULL, hints = { .ai_socktype = SOCK_STREAM };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char host[256];
	const char *colon = strrchr(address, ':');
	(void)type;
	if (!colon) {
		snprintf(un.sun_path, sizeof un.sun_path, "%s", address);
		return connects(AF_UNIX, (const struct sockaddr *)&un, sizeof un);
	}
	snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
	bool connected = getaddrinfo(*host ? host : "127.0.0.1", colon + 1, &hints, &found) == 0 &&
			 connects(found->ai_family, found->ai_addr, found->ai_addrlen);
	if (found)
		freeaddrinfo(found);
	return connected;
}

static int do_wait_for_fs(struct call *call)
{
	return wait_until(is_there, call->args, 0);
}

static int do_wait_for_file(struct call *call)
{
	return wait_until(is_there, call->args, S_IFREG);
}

static int do_wait_for_dir(struct call *call)
{
	return wait_until(is_there, call->args, S_IFDIR);
}

static int do_wait_for_socket(struct call *call)
{
	return wait_until(accepts, call->args, 0);
}

/* ---- programs and functions ---- */

static _Noreturn void run_shell(const char *command)
{
	sigset_t none;
	sigemptyset(&none);
	for (int signum = 1; signum < NSIG; signum++)
		signal(signum, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int end_of(pid_t pid, char *why)
{
	int wstatus;
	while (waitpid(pid, &wstatus, 0) == -1)
		if (errno != EINTR)
			return -errno;
	if (wstatus == 0)
		return 0;
	if (WIFSIGNALED(wstatus))
		snprintf(why, ACTION_WHY, "it was killed by signal %d (%s)", WTERMSIG(wstatus),
			 strsignal(WTERMSIG(wstatus)));
	else
		snprintf(why, ACTION_WHY, "it ended with status %d", WEXITSTATUS(wstatus));
	return -ECHILD;
}

static int do_exec(struct call *call)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before); /* our handlers are not for the child */
	pid_t pid = fork();
	if (pid == 0)
		run_shell(call->args);
	int error = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid == -1)
		return -error;
	return call->wait ? end_of(pid, call->why) : 0;
}

static int do_safeexec(struct call *call)
{
	int failed = do_exec(call);
	if (failed)
		uwsgi_log("uwsgi: \"%s\" failed: %s\n", call->args, *call->why ? call->why : strerror(-failed));
	return 0;
}

static void *find_function(struct call *call)
{
	char *name = word(call);
	void *fn = name ? dlsym(RTLD_DEFAULT, name) : NULL;
	if (!fn)
		snprintf(call->why, ACTION_WHY, "there is no function \"%s\" in this program", name ? name : "");
	return fn;
}

static int returned(struct call *call, int result)
{
	if (result)
		snprintf(call->why, ACTION_WHY, "it returned %d", result);
	return result ? -ECANCELED : 0;
}

static int do_call(struct call *call)
{
	void *fn = find_function(call);
	if (fn && *call->args)
		((void (*)(const char *))fn)(call->args);
	else if (fn)
		((void (*)(void))fn)();
	return fn ? 0 : -ENOENT;
}

static int do_callret(struct call *call)
{
	void *fn = find_function(call);
	if (!fn)
		return -ENOENT;
	return returned(call, *call->args ? ((int (*)(const char *))fn)(call->args) : ((int (*)(void))fn)());
}

static int do_callint(struct call *call)
{
	void *fn = find_function(call);
	if (fn)
		((void (*)(int))fn)(atoi(call->args));
	return fn ? 0 : -ENOENT;
}

static int do_callintret(struct call *call)
{
	void *fn = find_function(call);
	return fn ? returned(call, ((int (*)(int))fn)(atoi(call->args))) : -ENOENT;
}

/* ---- this process and the machine ---- */

static int do_putenv(struct call *call)
{
	if (!strchr(call->args, '='))
		return misused(call, "putenv:NAME=VALUE");
	char *copy = strdup(call->args); /* the environment's from now on */
	return copy ? done(putenv(copy)) : -ENOMEM;
}

static int do_print(struct call *call)
{
	uwsgi_log("%s\n", call->args);
	return 0;
}

static int do_exit(struct call *call)
{
	fflush(NULL);
	_exit(atoi(call->args));
}

static int do_hostname(struct call *call)
{
	return done(sethostname(call->args, strlen(call->args)));
}

/* What the functions of uWSGI 2.0 that configurations name for a signal come to, and what the master listens to. */
static const struct {
	const char *function;
	char letter;
} meanings[] = {
	{ "gracefully_kill_them_all", 'q' },
	{ "kill_them_all", 'Q' },
	{ "grace_them_all", 'r' },
	{ "reap_them_all", 'R' },
	{ "stats", 's' },
	{ "suspend_resume_them_all", 'p' },
};
static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGTSTP };
static char letters[NSIG]; /* a signal's number is all its handler knows */

static int do_unix_signal(struct call *call)
{
	char *number = word(call), *function = word(call);
	bool heard = false;
	int signum = number ? atoi(number) : 0;
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		heard |= signals[i] == signum;
	if (!heard || !function)
		return misused(call, "unix_signal:NUMBER FUNCTION, with a signal the master listens to");
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (!strcmp(function, meanings[i].function)) {
			letters[signum] = meanings[i].letter;
			return 0;
		}
	snprintf(call->why, ACTION_WHY, "there is no function \"%s\" for signals", function);
	return -ENOENT;
}

char action_signal(int signum)
{
	return signum > 0 && signum < NSIG ? letters[signum] : 0;
}

/* ---- mounts ---- */

struct flag {
	const char *name;
	unsigned long bits;
};
static const struct flag mount_flags[] = {
	{ "bind", MS_BIND },
	{ "rec", MS_REC },
	{ "recursive", MS_REC },
	{ "ro", MS_RDONLY },
	{ "rdonly", MS_RDONLY },
	{ "readonly", MS_RDONLY },
	{ "nosuid", MS_NOSUID },
	{ "noexec", MS_NOEXEC },
	{ "nodev", MS_NODEV },
	{ "noatime", MS_NOATIME },
	{ "relatime", MS_RELATIME },
	{ "nodiratime", MS_NODIRATIME },
	{ "strictatime", MS_STRICTATIME },
	{ "remount", MS_REMOUNT },
	{ "move", MS_MOVE },
	{ "private", MS_PRIVATE },
	{ "slave", MS_SLAVE },
	{ "shared", MS_SHARED },
	{ "unbindable", MS_UNBINDABLE },
	{ "sync", MS_SYNCHRONOUS },
	{ "dirsync", MS_DIRSYNC },
	{ 0 },
};
static const struct flag umount_flags[] = {
	{ "rec", MNT_DETACH },	{ "recursive", MNT_DETACH }, { "detach", MNT_DETACH },
	{ "force", MNT_FORCE }, { "expire", MNT_EXPIRE },    { 0 },
};

static int read_flags(const struct flag *table, const char *text, unsigned long *flags_r)
{
	unsigned long flags = 0;
	for (const char *at = text; *at; at += strspn(at, ", ")) {
		size_t n = strcspn(at, ", ");
		const struct flag *flag = table;
		while (flag->name && (strncmp(flag->name, at, n) || flag->name[n]))
			flag++;
		if (!flag->name)
			return -EINVAL;
		flags |= flag->bits;
		at += n;
	}
	*flags_r = flags;
	return 0;
}

int action_mount_flags(const char *text, unsigned long *flags_r)
{
	return read_flags(mount_flags, text, flags_r);
}

int action_umount_flags(const char *text, int *flags_r)
{
	unsigned long flags;
	int failed = read_flags(umount_flags, text, &flags);
	if (!failed)
		*flags_r = (int)flags;
	return failed;
}

static int do_mount(struct call *call)
{
	const unsigned long for_later = MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV;
	unsigned long flags;
	char *type = word(call), *source = word(call), *target = word(call);
	if (!target)
		return misused(call, "mount:TYPE SOURCE DIRECTORY [FLAGS]");
	if (action_mount_flags(call->args, &flags))
		return misused(call,
			       "mount:TYPE SOURCE DIRECTORY [FLAGS], with flags as bind,rec,ro,nosuid,noexec,nodev");
	if (mount(source, target, type, flags, NULL) == -1)
		return -errno;
	/* a bind takes the flags of what it binds, and its own only afterwards */
	bool again = flags & MS_BIND && flags & for_later && !(flags & MS_REMOUNT);
	return again ? done(mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | (flags & for_later), NULL)) : 0;
}

static int do_umount(struct call *call)
{
	int flags;
	size_t n = strcspn(call->args, ", ");
	const char *more = call->args[n] ? call->args + n + 1 : call->args + n;
	if (action_umount_flags(more, &flags))
		return misused(call, "umount:DIRECTORY[,rec|detach|force]");
	call->args[n] = 0;
	return done(umount2(call->args, flags));
}

/* ---- the table ---- */

static const struct action_row rows[] = {
	{ "cd", do_chdir },
	{ "chdir", do_chdir },
	{ "mkdir", do_mkdir },
	{ "putenv", do_putenv },
	{ "chmod", do_chmod },
	{ "sticky", do_sticky },
	{ "chown", do_chown },
	{ "chown2", do_chown },
	{ "exec", do_exec },
	{ "safeexec", do_safeexec },
	{ "create", do_create },
	{ "creat", do_create },
	{ "write", do_write },
	{ "writen", do_writen },
	{ "append", do_append },
	{ "appendn", do_appendn },
	{ "writefifo", do_writefifo },
	{ "spinningfifo", do_spinningfifo },
	{ "unlink", do_unlink },
	{ "mount", do_mount },
	{ "umount", do_umount },
	{ "call", do_call },
	{ "callret", do_callret },
	{ "callint", do_callint },
	{ "callintret", do_callintret },
	{ "hostname", do_hostname },
	{ "unix_signal", do_unix_signal },
	{ "wait_for_fs", do_wait_for_fs },
	{ "wait_for_file", do_wait_for_file },
	{ "wait_for_dir", do_wait_for_dir },
	{ "wait_for_socket", do_wait_for_socket },
	{ "print", do_print },
	{ "log", do_print },
	{ "exit", do_exit },
	{ 0 },
};

static const struct action_row *find(const char *name, size_t n)
{
	for (const struct action_row *row = rows; row->name; row++)
		if (!strncmp(row->name, name, n) && !row->name[n])
			return row;
	return NULL;
}

int action_parse(const char *text, struct action *action_r)
{
	bool is_private = *text == '!';
	const char *name = text + is_private, *colon = strchr(name, ':');
	if (!colon)
		return -EINVAL;
	const struct action_row *row = find(name, (size_t)(colon - name));
	if (!row)
		return -ENOENT;
	*action_r = (struct action){ row, text, colon + 1, is_private };
	return 0;
}

int action_make(const char *name, const char *args, struct action *action_r)
{
	const struct action_row *row = find(name, strlen(name));
	if (!row)
		return -ENOENT;
	*action_r = (struct action){ row, args, args, false };
	return 0;
}

int action_run(const struct action *action, const char *phase, bool wait, char why[ACTION_WHY])
{
	char *args = strdup(action->args);
	struct call call = { args, wait, why };
	*why = 0;
	if (!args)
		return -ENOMEM;
	if (action->is_private)
		uwsgi_log("running --- PRIVATE HOOK --- (%s)...\n", phase);
	else
		uwsgi_log("running \"%s\" (%s)...\n", action->text, phase);
	int failed = action->row->fn(&call);
	if (failed && !*why)
		snprintf(why, ACTION_WHY, "%s", strerror(-failed));
	free(args);
	return failed;
}
