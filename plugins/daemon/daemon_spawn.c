/* daemon_spawn.c - from a daemon's description to its process. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_RUN 127 /* as the shell says it */

static _Noreturn void give_up(const struct daemon_spec *spec, const char *doing, const char *what)
{
	uwsgi_log("[uwsgi-daemons] cannot start \"%s\": %s %s: %s\n", spec->command, doing, what, strerror(errno));
	_exit(CANNOT_RUN);
}

/* Numbers are numbers, anything else is a name. */
static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static void become(const struct daemon_spec *spec)
{
	const struct passwd *user = spec->uid && !is_number(spec->uid) ? getpwnam(spec->uid) : NULL;
	const struct group *group = spec->gid && !is_number(spec->gid) ? getgrnam(spec->gid) : NULL;
	errno = ENOENT;
	if (spec->uid && !user && !is_number(spec->uid))
		give_up(spec, "finding the user", spec->uid);
	if (spec->gid && !group && !is_number(spec->gid))
		give_up(spec, "finding the group", spec->gid);
	gid_t gid = group ? group->gr_gid : spec->gid ? (gid_t)atol(spec->gid) : user ? user->pw_gid : getgid();
	if ((spec->uid || spec->gid) && geteuid() == 0 && setgroups(1, &gid) == -1)
		give_up(spec, "giving up", "the groups");
	if ((spec->gid || user) && setgid(gid) == -1)
		give_up(spec, "becoming the group", spec->gid ? spec->gid : "of the user");
	if (spec->uid && setuid(user ? user->pw_uid : (uid_t)atol(spec->uid)) == -1)
		give_up(spec, "becoming the user", spec->uid);
}

/* Nothing of the server goes on: no handler, no ignored or held signal, no descriptor. */
static void forget_server(const struct daemon_spec *spec)
{
	sigset_t none;
	sigemptyset(&none);
	for (int signum = 1; signum < NSIG; signum++)
		signal(signum, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int null = spec->honour_stdin ? -1 : open("/dev/null", O_RDONLY);
	if (null != -1)
		dup2(null, STDIN_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0);
}

static _Noreturn void run(const struct daemon_spec *spec, pid_t parent)
{
	setsid();
	forget_server(spec);
	if (spec->chdir && chdir(spec->chdir) == -1)
		give_up(spec, "changing to the directory", spec->chdir);
	become(spec);
	/* after the change of user, which would forget it; the parent may have died before */
	if (!spec->pidfile && (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || (!spec->ns_pid && getppid() != parent)))
		_exit(CANNOT_RUN);
	uwsgi_log("[uwsgi-daemons] spawning \"%s\" (uid: %d gid: %d)\n", spec->command, (int)getuid(), (int)getgid());
	execl("/bin/sh", "sh", "-c", spec->command, (char *)NULL);
	give_up(spec, "running", "/bin/sh");
}

/* A fork; with ns_pid into a pid namespace of its own. */
static pid_t fork_for(const struct daemon_spec *spec)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD | (spec->ns_pid ? CLONE_NEWPID : 0), NULL, NULL, NULL, 0);
}

/* A smart daemon is to survive us: its parent leaves at once, so that it is nobody's here. */
static pid_t spawn_orphan(const struct daemon_spec *spec)
{
	int status;
	pid_t helper = fork();
	if (helper == 0) {
		pid_t pid = fork_for(spec);
		if (pid == 0)
			run(spec, 0);
		_exit(pid == -1 ? errno : 0);
	}
	if (helper == -1)
		return -errno;
	while (waitpid(helper, &status, 0) == -1 && errno == EINTR)
		;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EAGAIN;
}

pid_t daemon_spawn(const struct daemon_spec *spec)
{
	if (spec->pidfile)
		return spawn_orphan(spec);
	pid_t parent = getpid(), pid = fork_for(spec);
	if (pid == 0)
		run(spec, parent);
	return pid == -1 ? -errno : pid;
}
