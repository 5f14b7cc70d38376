/* master.c - the life of the master: it waits on one loop for OS signals, child exits and messages of the zygotes.
 *
 * It runs no user code, so it cannot leak, deadlock or crash with the application.  What it keeps is in crew.c; how it
 * reloads in reload.c; how it can be told something in command.c; here are its beginning, its end, and what each OS
 * signal means. */
#include "master.h"

#include "action.h"
#include "cause.h"
#include "command.h"
#include "crew.h"
#include "cron_command.h"
#include "handover.h"
#include "hook.h"
#include "loop.h"
#include "notify.h"
#include "pidfile.h"
#include "proc_policy.h"
#include "proc_title.h"
#include "reload.h"
#include "scale.h"
#include "settings.h"
#include "sources.h"
#include "stats.h"
#include "trap.h"
#include "vassal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/log.h>

/* Whoever is in front ends first, and whom the others need last. */
enum stage { STAGE_RUN, STAGE_STOP_FRONT, STAGE_STOP_REST, STAGE_STOP_LAST };

struct master {
	struct kernel *k;
	struct uwsgi_watch trap;
	struct crew crew; /* its leader is this master, found by containment */
	struct reload reload;
	struct commands *commands;
	struct scale *scale;
	struct cron_commands *cron;
	struct notify *notify;
	enum stage stage;
	int exit_status;
	int life_write_fd;
};

struct kernel *master_kernel(struct master *m)
{
	return m->k;
}

/* ---- its end ---- */

static enum stage stage_of(struct master *m, const struct proc_slot *slot)
{
	uint32_t flags = proc_kind_at(m->k->table, slot->kind)->flags;
	if (flags & UWSGI_KIND_LAST)
		return STAGE_STOP_LAST;
	return flags & UWSGI_KIND_FROM_MASTER ? STAGE_STOP_FRONT : STAGE_STOP_REST;
}

/* Tell those whose stage has come; how many there are. */
static int stop_stage(struct master *m, enum stage stage, bool tell)
{
	int count = 0;
	for (int i = 0; i < proc_table_size(m->k->table); i++) {
		struct proc_slot *slot = proc_slot_at(m->k->table, i);
		if (atomic_load(&slot->state) == UWSGI_PROC_FREE || stage_of(m, slot) > stage)
			continue;
		count++;
		if (tell)
			crew_stop(&m->crew, slot, m->crew.fast ? SIGINT : SIGTERM);
	}
	return count;
}

static void close_lines(struct master *m)
{
	for (int i = 0; i < GENERATIONS; i++) {
		struct generation *g = &m->crew.generations[i];
		if (g->number)
			crew_close_line(&m->crew, g);
	}
}

static void enter(struct master *m, enum stage stage)
{
	m->stage = stage;
	if (stage >= STAGE_STOP_REST)
		close_lines(m);
	stop_stage(m, stage, true);
}

static void check_stopped(struct master *m)
{
	while (m->stage != STAGE_RUN && stop_stage(m, m->stage, false) == 0) {
		if (m->stage == STAGE_STOP_LAST) {
			if (!crew_zygotes(&m->crew))
				uwsgi_loop_stop(m->k->loop);
			return;
		}
		if (m->stage == STAGE_STOP_REST && crew_zygotes(&m->crew))
			return;
		enter(m, m->stage + 1);
	}
}

static void stop(struct master *m, bool fast, int exit_status)
{
	if (m->stage != STAGE_RUN && (m->crew.fast || !fast))
		return;
	m->crew.fast = fast;
	if (m->stage == STAGE_RUN) {
		m->exit_status = exit_status;
		m->crew.ending = true;
		notify_stopping(m->notify);
		cron_commands_end(m->cron);
		reload_cancel(&m->reload);
		atomic_store(&m->k->shared->stopping, true);
	}
	atomic_store(&m->k->shared->hurry, fast);
	enter(m, fast && m->stage < STAGE_STOP_REST ? STAGE_STOP_REST : m->stage ? m->stage : STAGE_STOP_FRONT);
	check_stopped(m);
}

void master_stop(struct master *m, bool fast)
{
	uwsgi_log(fast ? "SIGINT/SIGQUIT received...killing workers...\n"
		       : "SIGTERM received...finishing requests and stopping\n");
	stop(m, fast, 0);
}

/* ---- what plugins are told ---- */

static int visit(uwsgi_hook_fn *fn, void *data)
{
	(void)data;
	((uwsgi_hook_master *)fn)();
	return 0;
}

static void tell_plugins(const struct master *m, const char *hook)
{
	hook_each(m->k->hooks, hook, visit, NULL);
}

/* ---- what the crew tells ---- */

static struct master *leader_of(struct crew *crew)
{
	return (struct master *)((char *)crew - offsetof(struct master, crew));
}

static void on_changed(struct crew *crew, struct generation *g)
{
	struct master *m = leader_of(crew);
	crew_forget(crew);
	if (reload_changed(&m->reload, g && g->number ? g : NULL)) {
		pidfile_write_safe(m->k->settings);
		vassal_say(m->k->vassal, VASSAL_ACCEPTING);
	}
}

static void on_failed(struct crew *crew, struct generation *g, int status)
{
	struct master *m = leader_of(crew);
	if (!reload_failed(&m->reload, g))
		stop(m, true, status);
}

static void reap(struct master *m)
{
	int wstatus;
	for (pid_t pid; (pid = waitpid(-1, &wstatus, WNOHANG)) > 0;)
		if (!reload_rehearsed(&m->reload, pid, wstatus) && !cron_commands_buried(m->cron, pid, wstatus))
			crew_buried(&m->crew, pid, wstatus);
	crew_forget(&m->crew);
	check_stopped(m);
}

/* ---- what an operator tells ---- */

void master_reload(struct master *m, enum master_reload how)
{
	static const enum reload_how as[] = {
		[MASTER_RELOAD] = RELOAD_GRACEFUL,
		[MASTER_RELOAD_BRUTAL] = RELOAD_BRUTAL,
		[MASTER_RELOAD_CHAIN] = RELOAD_CHAIN,
	};
	const struct settings *s = m->k->settings;
	if (s->exit_on_reload)
		master_stop(m, how == MASTER_RELOAD_BRUTAL);
	else if (s->lazy)
		master_replace_workers(m, how == MASTER_RELOAD_BRUTAL);
	else
		reload_ask(&m->reload, s->chain && how == MASTER_RELOAD ? RELOAD_CHAIN : as[how]);
}

static bool serves(struct master *m, const struct proc_slot *slot)
{
	return proc_kind_at(m->k->table, slot->kind)->flags & UWSGI_KIND_SERVES;
}

/* New processes of a kind in the place of those there are. */
static void replace_all(struct master *m, int kind, bool fast)
{
	const struct generation *g = crew_serving(&m->crew);
	for (int i = 0; g && !m->crew.ending && i < proc_table_size(m->k->table); i++) {
		struct proc_slot *slot = proc_slot_at(m->k->table, i);
		/* one that is starting, be it the successor of one seen just now, is as new as it can be */
		if (slot->kind != kind || slot->generation != g->number || atomic_load(&slot->state) != UWSGI_PROC_IDLE)
			continue;
		if (!fast)
			crew_replace(&m->crew, slot);
		else if (atomic_load(&slot->pid) > 0)
			kill(slot->pid, SIGKILL); /* it is replaced when it is buried */
	}
}

void master_replace_workers(struct master *m, bool fast)
{
	uwsgi_log(fast ? "...brutally replacing workers...\n" : "...gracefully replacing workers...\n");
	for (int kind = 0; kind < proc_kinds(m->k->table); kind++)
		if (proc_kind_at(m->k->table, kind)->flags & UWSGI_KIND_SERVES)
			replace_all(m, kind, fast);
}

void master_replace_kind(struct master *m, const char *name)
{
	int kind = proc_kind_find(m->k->table, name);
	if (kind >= 0)
		replace_all(m, kind, false);
}

static void tell_paused(struct crew *crew, struct proc_slot *slot, int arg)
{
	struct master *m = leader_of(crew);
	pid_t pid = atomic_load(&slot->pid);
	(void)arg;
	if (!serves(m, slot) || pid <= 0)
		return;
	kill(pid, SIGTSTP);
}

void master_pause(struct master *m)
{
	bool paused = !atomic_load(&m->k->shared->paused);
	atomic_store(&m->k->shared->paused, paused);
	uwsgi_log(paused ? "*** PAUSE (press start to resume, if you do not have a joypad send SIGTSTP) ***\n"
			 : "*** (SIGTSTP received) resuming workers ***\n");
	crew_each(&m->crew, 0, tell_paused, 0);
}

static void log_slot(struct crew *crew, struct proc_slot *slot, int arg)
{
	(void)arg;
	uwsgi_log("%s %d (pid: %d) generation %u requests: %llu exceptions: %llu\n",
		  proc_kind_at(crew->k->table, slot->kind)->name, slot->number, (int)slot->pid, slot->generation,
		  (unsigned long long)slot->requests, (unsigned long long)slot->exceptions);
}

void master_log_status(struct master *m)
{
	uwsgi_log("*** workers total requests: %llu\n", (unsigned long long)proc_total_requests(m->k->table));
	crew_each(&m->crew, 0, log_slot, 0);
}

void master_grow(struct master *m, int by)
{
	scale_by(m->scale, by);
}

void master_cheap(struct master *m)
{
	scale_go_cheap(m->scale);
}

static void on_idle(void *data)
{
	struct master *m = data;
	vassal_say(m->k->vassal, VASSAL_LEAVING);
	stop(m, false, 0);
}

static void on_signal(struct master *m, int signum)
{
	const struct settings *s = m->k->settings;
	char letter = m->stage == STAGE_RUN ? action_signal(signum) : 0;
	if (letter) { /* an operator gave it another meaning */
		command_run(m, letter);
		return;
	}
	bool old_meaning = s->compat_2_0 && !s->die_on_term;
	switch (signum) {
	case SIGHUP:
		master_reload(m, MASTER_RELOAD);
		break;
	case SIGTERM:
		if (old_meaning && m->stage == STAGE_RUN)
			master_reload(m, MASTER_RELOAD_BRUTAL);
		else
			master_stop(m, m->stage != STAGE_RUN);
		break;
	case SIGINT:
	case SIGQUIT:
		master_stop(m, true);
		break;
	case SIGUSR1:
		master_log_status(m);
		break;
	case SIGTSTP:
		master_pause(m);
		break;
	}
}

static void on_trap(struct uwsgi_watch *watch, unsigned events)
{
	struct master *m = watch->data;
	bool child = false;
	(void)events;
	for (int signum; (signum = trap_next());) {
		child |= signum == SIGCHLD;
		on_signal(m, signum);
	}
	if (child || m->stage != STAGE_RUN)
		reap(m);
}

/* ---- its beginning ---- */

/* What came through the trap is done before the next image begins; what comes from now on waits for it. */
static bool before_exec(void *data)
{
	struct master *m = data;
	for (int signum; (signum = trap_next());)
		if (signum != SIGCHLD)
			on_signal(m, signum);
	scale_keep(m->scale);
	cron_commands_keep(m->cron);
	tell_plugins(m, UWSGI_HOOK_MASTER_LEAVE);
	return m->stage == STAGE_RUN;
}

/* Children hold the reading end: when the master is gone, however it went, they notice. */
static int open_life(struct master *m)
{
	struct handover *h = m->k->handover;
	int life[2];
	if (handover_claim(h, "life", &life[0], NULL) && handover_claim(h, "life of the master", &life[1], NULL))
		goto open;
	if (pipe2(life, O_CLOEXEC) == -1 || handover_keep(h, "life", life[0], "") ||
	    handover_keep(h, "life of the master", life[1], ""))
		return -errno;
open:
	m->k->life_fd = life[0];
	m->life_write_fd = life[1];
	crew_own_fd(&m->crew, life[1]);
	return 0;
}

/* An Emperor has the word of an operator. */
static void obey_stop(void *data, bool fast)
{
	stop(data, fast, 0);
}

static void obey_reload(void *data)
{
	master_reload(data, MASTER_RELOAD);
}

static int set_up(struct master *m)
{
	/* those without a meaning are caught so that they do not end or stop the server */
	static const int signals[] = { SIGCHLD, SIGHUP,	 SIGTERM, SIGINT,  SIGQUIT, SIGUSR1,
				       SIGUSR2, SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU, 0 };
	const struct vassal_duties duties = { obey_stop, obey_reload, m };
	struct kernel *k = m->k;
	k->loop = loop_create();
	if (!k->loop || trap_open(signals) || prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		return -errno;
	trap_release(); /* the image before this one held all signals back */
	m->trap = (struct uwsgi_watch){ .fd = trap_fd(), .fn = on_trap, .data = m };
	int failed = open_life(m);
	if (!failed)
		failed = uwsgi_loop_add(k->loop, &m->trap, UWSGI_READ);
	if (!failed && vassal_fd(k->vassal) != -1)
		crew_own_fd(&m->crew, vassal_fd(k->vassal));
	if (!failed)
		failed = vassal_start(k, &duties);
	if (failed)
		return failed;
	/* before the application is loaded: a file touched from now on is newer than what was loaded */
	m->notify = notify_create(k->loop);
	reload_init(&m->reload, &m->crew, m->notify, before_exec, m);
	m->commands = command_open(m, &m->crew);
	m->cron = cron_commands_begin(k);
	m->scale = scale_begin(&m->crew, on_idle, m);
	k->stats = stats_create(&m->crew, m->cron);
	if (handover_taken(k->handover))
		failed = crew_claim(&m->crew);
	/* before anything is forked: a socket that was removed is closed for all */
	handover_finish(k->handover);
	tell_plugins(m, UWSGI_HOOK_MASTER_START);
	return !failed && m->commands && m->cron && m->scale && m->notify && k->stats ? 0 : -ENOMEM;
}

int master_run(struct kernel *k)
{
	static struct master master; /* as long as the process */
	struct master *m = &master;
	*m = (struct master){ .k = k };
	k->role = "master";
	crew_init(&m->crew, k);
	m->crew.changed = on_changed;
	m->crew.failed = on_failed;
	atomic_store(&k->shared->master_pid, getpid());
	atomic_store(&k->shared->term_reloads, k->settings->compat_2_0 && !k->settings->die_on_term);
	uwsgi_log("%s uWSGI master process (pid: %d)\n",
		  handover_taken(k->handover) ? "gracefully (RE)spawned" : "spawned", (int)getpid());
	if (k->settings->auto_procname || k->settings->procname_master)
		proc_title_set(k->settings->procname_master ? k->settings->procname_master : "uWSGI master");
	int failed = set_up(m);
	if (!failed)
		failed = reload_begin(&m->reload);
	if (failed) {
		uwsgi_cause("the master cannot be set up: %s", strerror(-failed));
		return EXIT_CANNOT_START;
	}
	reap(m);
	uwsgi_loop_run(k->loop);
	tell_plugins(m, UWSGI_HOOK_MASTER_LEAVE);
	command_close(m->commands);
	uwsgi_log("goodbye to uWSGI.\n");
	return m->exit_status;
}
