/* zygote.c - one generation's loaded application, forking on order.
 *
 * A process it forks must be the master's child, so that the master learns of its end by itself: the zygote forks a
 * helper, the helper forks the process and leaves, and the orphan falls to the master, which is the reaper of the tree
 * (PR_SET_CHILD_SUBREAPER).  The helper writes the pid into the table first, so the master knows it before it can end.
 */
#include "zygote.h"

#include "cause.h"
#include "child.h"
#include "hook.h"
#include "limit.h"
#include "listen.h"
#include "phase.h"
#include "plugin_life.h"
#include "privs.h"
#include "proc.h"
#include "proc_policy.h"
#include "proc_title.h"
#include "settings.h"
#include "trap.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/log.h>

int zygote_load(struct kernel *k)
{
	const struct uwsgi_socket *const *sockets;
	int failed = privs_drop(k->privs, PRIVS_CHILD);
	if (!failed)
		failed = phase_run(k->phases, PHASE_PRE_APP);
	if (failed)
		return failed;
	k->loading = true;
	int apps = plugins_load_apps(k->plugins);
	k->loading = false;
	if (apps < 0) {
		if (!cause_get())
			uwsgi_cause("the application could not be loaded: %s", strerror(-apps));
		return apps;
	}
	if (apps == 0 && k->settings->need_app && listeners_list(k->listeners, &sockets)) {
		uwsgi_cause("a socket is configured but no application: there is nothing to serve (need-app = false "
			    "starts all "
			    "the same)");
		return -ENOENT;
	}
	failed = phase_run(k->phases, PHASE_POST_APP);
	if (!failed)
		failed = privs_drop(k->privs, PRIVS_LOADED);
	return failed ? failed : apps;
}

static int visit_fork(uwsgi_hook_fn *fn, void *data)
{
	((uwsgi_hook_fork *)fn)(*(enum uwsgi_fork_phase *)data);
	return 0;
}

static void tell_fork(struct kernel *k, enum uwsgi_fork_phase phase)
{
	hook_each(k->hooks, UWSGI_HOOK_PROCESS_FORK, visit_fork, &phase);
}

static void fork_slot(struct kernel *k, struct proc_slot *slot)
{
	tell_fork(k, UWSGI_FORK_PREPARE);
	trap_hold();
	pid_t helper = fork();
	if (helper == 0) {
		pid_t pid = fork();
		if (pid == 0)
			child_main(k, slot);
		if (pid > 0)
			atomic_store(&slot->pid, pid);
		_exit(pid > 0 ? 0 : errno);
	}
	int error = errno, status = 0;
	trap_release();
	tell_fork(k, UWSGI_FORK_PARENT);
	if (helper > 0) {
		while (waitpid(helper, &status, 0) == -1 && errno == EINTR)
			;
		error = WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
	}
	if (helper > 0 && !error)
		return;
	uwsgi_log("uwsgi: cannot fork a process: %s; the master tries again\n", strerror(error));
	struct message failed = { MESSAGE_NOT_FORKED, proc_slot_index(k->table, slot), k->generation };
	(void)!write(k->control_fd, &failed, sizeof failed);
}

/* While an application is loaded those that serve are woken in preference; what it forks is like them. */
static void make_way(bool on)
{
	const struct sched_param none = { 0 };
	(void)sched_setscheduler(0, on ? SCHED_BATCH : SCHED_OTHER, &none);
}

_Noreturn void zygote_main(struct kernel *k)
{
	/* its end is decided by the master alone, which closes the control socket */
	static const int ignored[] = { SIGTERM, SIGINT,	 SIGQUIT, SIGHUP,  SIGUSR1,
				       SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE };
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGALRM, SIG_DFL); /* the program's: it may set a handler, and put back what was there */
	trap_release();
	k->role = "zygote";
	listeners_close_gateways(k->listeners);
	if (k->settings->auto_procname)
		proc_title_set("uWSGI zygote");
	if (privs_drop(k->privs, PRIVS_CHILD) || limit_lock_memory(k->limits))
		_exit(EXIT_CANNOT_START);
	/* after the last change of the user, which would undo it: the application may take long before it looks */
	child_end_with_master(k);
	make_way(true);
	int apps = k->settings->lazy_apps ? 0 : zygote_load(k);
	if (apps < 0)
		_exit(EXIT_APP_FAILED);
	make_way(false);
	atomic_store(&k->shared->loaded_generation, k->generation);
	struct message loaded = { MESSAGE_LOADED, apps, k->generation };
	if (write(k->control_fd, &loaded, sizeof loaded) == -1)
		_exit(1);
	struct order order;
	for (;;) {
		ssize_t n = read(k->control_fd, &order, sizeof order);
		if (n == -1 && errno == EINTR)
			continue;
		if (n != sizeof order)
			_exit(0);
		fork_slot(k, proc_slot_at(k->table, order.slot));
	}
}
