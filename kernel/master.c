/* master.c - the life of the master: it waits on one loop for OS signals, child exits and messages of the zygotes.
 *
 * It runs no user code, so it cannot leak, deadlock or crash with the application.  What it decides is in
 * proc_policy.c; how a process begins is in zygote.c and child.c; here is only who is told what, and when. */
#include "master.h"

#include "cause.h"
#include "child.h"
#include "hook.h"
#include "listen.h"
#include "loop.h"
#include "plugin.h"
#include "proc.h"
#include "proc_policy.h"
#include "proc_title.h"
#include "reqlog.h"
#include "settings.h"
#include "trap.h"
#include "zygote.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define GENERATIONS 2	  /* the one that serves and the one that replaces it */
#define FAST_STOP_MS 2000 /* for processes that were told to end at once */
#define DEFAULT_MERCY_S 60

struct generation {
	struct master *m;
	unsigned number; /* 0: not in use */
	pid_t zygote;
	bool loaded;		  /* its application is */
	bool serving;		  /* all its processes were ready once */
	bool retiring;		  /* told to end */
	struct uwsgi_watch watch; /* the control socket; fd -1 when closed */
};

/* A process that is to come back after a pause. */
struct comeback {
	struct uwsgi_timer timer; /* first: the timer is the comeback */
	struct master *m;
	int kind, number;
	unsigned generation; /* 0: a child of the master */
	struct proc_slot last;
};

enum stage { STAGE_RUN, STAGE_STOP_FRONT, STAGE_STOP_ALL };

struct master {
	struct kernel *k;
	struct uwsgi_watch trap;
	struct generation generations[GENERATIONS];
	unsigned newest;
	enum stage stage;
	bool fast;	   /* the stop does not wait for requests */
	bool reload_again; /* asked for while a reload was under way */
	int exit_status;
	int life_write_fd;
	struct uwsgi_timer mercy;
};

static bool from_master(const struct master *m, int kind)
{
	return proc_kind_at(m->k->table, kind)->flags & UWSGI_KIND_FROM_MASTER;
}

/* It is neither stopped nor waited for: it ends after everybody else, see log_pipe_end. */
static bool is_last(const struct master *m, const struct proc_slot *slot)
{
	return proc_kind_at(m->k->table, slot->kind)->flags & UWSGI_KIND_LAST;
}

static struct generation *generation_find(struct master *m, unsigned number)
{
	for (int i = 0; i < GENERATIONS; i++)
		if (number && m->generations[i].number == number)
			return &m->generations[i];
	return NULL;
}

static struct generation *generation_serving(struct master *m)
{
	for (int i = 0; i < GENERATIONS; i++)
		if (m->generations[i].number && m->generations[i].serving && !m->generations[i].retiring)
			return &m->generations[i];
	return NULL;
}

/* Call fn for each live slot but the last ones that is of `generation` (0: of the master's own children, -1: of anybody). */
static int each_slot(struct master *m, int generation, void (*fn)(struct master *m, struct proc_slot *slot, int arg),
		     int arg)
{
	int count = 0;
	for (int i = 0; i < proc_table_size(m->k->table); i++) {
		struct proc_slot *slot = proc_slot_at(m->k->table, i);
		if (atomic_load(&slot->state) == UWSGI_PROC_FREE || is_last(m, slot))
			continue;
		if (generation != -1 && slot->generation != (unsigned)generation)
			continue;
		count++;
		if (fn)
			fn(m, slot, arg);
	}
	return count;
}

/* ---- starting processes ---- */

/* What only the master may hold: a copy in a child would hide its end from the others. */
static void close_masters_own(struct master *m)
{
	close(m->life_write_fd);
	for (int i = 0; i < GENERATIONS; i++)
		if (m->generations[i].number && m->generations[i].watch.fd != -1)
			close(m->generations[i].watch.fd);
}

static void start_direct(struct master *m, struct proc_slot *slot)
{
	struct kernel *k = m->k;
	trap_hold();
	pid_t pid = fork();
	if (pid == 0) {
		close_masters_own(m);
		k->control_fd = -1;
		child_main(k, slot);
	}
	int error = errno;
	trap_release();
	if (pid == -1) {
		uwsgi_log("uwsgi: cannot fork %s %d: %s; it stays down\n", proc_kind_at(k->table, slot->kind)->name,
			  slot->number, strerror(error));
		proc_retire(k->table, slot);
		return;
	}
	atomic_store(&slot->pid, pid);
	uwsgi_log("spawned uWSGI %s %d (pid: %d)\n", proc_kind_at(k->table, slot->kind)->name, slot->number, (int)pid);
}

static void start(struct master *m, int kind, int number, unsigned generation, const struct proc_slot *before)
{
	struct kernel *k = m->k;
	struct proc_slot *slot = proc_slot_take(k->table, kind, number, generation, before);
	assert(slot); /* the table has room for two generations and what is leaving */
	slot->spawned_ms = uwsgi_now_ms();
	proc_event(slot, PROC_EV_FORK);
	if (from_master(m, kind)) {
		start_direct(m, slot);
		return;
	}
	struct generation *g = generation_find(m, generation);
	struct order order = { proc_slot_index(k->table, slot) };
	if (!g || g->watch.fd == -1 || write(g->watch.fd, &order, sizeof order) == -1)
		proc_retire(k->table, slot);
}

static bool is_up(struct master *m, int kind, int number, unsigned generation)
{
	for (int i = 0; i < proc_table_size(m->k->table); i++) {
		const struct proc_slot *slot = proc_slot_at(m->k->table, i);
		if (atomic_load(&slot->state) != UWSGI_PROC_FREE && slot->kind == kind && slot->number == number &&
		    slot->generation == generation)
			return true;
	}
	return false;
}

/* Start whatever of a generation (0: of the master's own) is not there. */
static void start_missing(struct master *m, unsigned generation)
{
	for (int kind = 0; kind < proc_kinds(m->k->table); kind++) {
		if (from_master(m, kind) != (generation == 0))
			continue;
		int count = proc_kind_at(m->k->table, kind)->count();
		for (int number = 1; number <= count; number++)
			if (!is_up(m, kind, number, generation))
				start(m, kind, number, generation, NULL);
	}
}

static void on_message(struct uwsgi_watch *watch, unsigned events);

/* Fork the zygote of a generation.  0 or a negative errno. */
static int start_zygote(struct master *m, struct generation *g)
{
	struct kernel *k = m->k;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -errno;
	trap_hold();
	pid_t pid = fork();
	if (pid == 0) {
		close_masters_own(m);
		close(pair[0]);
		k->control_fd = pair[1];
		k->generation = g->number;
		zygote_main(k);
	}
	int error = errno;
	trap_release();
	close(pair[1]);
	if (pid == -1) {
		close(pair[0]);
		return -error;
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	g->zygote = pid;
	g->loaded = false;
	g->watch = (struct uwsgi_watch){ .fd = pair[0], .fn = on_message, .data = g };
	return uwsgi_loop_add(k->loop, &g->watch, UWSGI_READ);
}

/* ---- generations ---- */

static void close_control(struct generation *g)
{
	if (g->watch.fd == -1)
		return;
	uwsgi_loop_remove(g->m->k->loop, &g->watch);
	close(g->watch.fd);
	g->watch.fd = -1;
}

static void stop_slot(struct master *m, struct proc_slot *slot, int signum)
{
	(void)m;
	proc_event(slot, PROC_EV_STOP);
	pid_t pid = atomic_load(&slot->pid); /* still 0: child_main sees the state after it set the pid */
	if (pid > 0)
		kill(pid, signum);
}

static void kill_slot(struct master *m, struct proc_slot *slot, int signum)
{
	pid_t pid = atomic_load(&slot->pid);
	if (pid <= 0 || atomic_load(&slot->state) != UWSGI_PROC_STOPPING)
		return;
	uwsgi_log("%s %d (pid: %d) is taking too much time to die...NO MERCY !!!\n",
		  proc_kind_at(m->k->table, slot->kind)->name, slot->number, (int)pid);
	kill(pid, signum);
}

static uint64_t mercy_ms(const struct master *m)
{
	int seconds = m->k->settings->worker_reload_mercy;
	if (m->fast)
		return FAST_STOP_MS;
	return (uint64_t)(seconds ? seconds : DEFAULT_MERCY_S) * 1000;
}

static void on_mercy(struct uwsgi_timer *timer)
{
	struct master *m = timer->data;
	each_slot(m, -1, kill_slot, SIGKILL);
}

static void retire(struct master *m, struct generation *g)
{
	g->retiring = true;
	close_control(g);
	each_slot(m, (int)g->number, stop_slot, SIGTERM);
	uwsgi_loop_timer(m->k->loop, &m->mercy, mercy_ms(m));
}

static int begin_generation(struct master *m)
{
	struct generation *g = NULL;
	for (int i = 0; i < GENERATIONS && !g; i++)
		if (!m->generations[i].number)
			g = &m->generations[i];
	if (!g)
		return -EBUSY;
	*g = (struct generation){ .m = m, .number = ++m->newest, .watch.fd = -1 };
	cause_clear();
	int failed = start_zygote(m, g);
	if (failed)
		g->number = 0;
	return failed;
}

static bool is_reloading(const struct master *m)
{
	for (int i = 0; i < GENERATIONS; i++)
		if (m->generations[i].number && (!m->generations[i].serving || m->generations[i].retiring))
			return true;
	return false;
}

static void reload(struct master *m)
{
	if (m->stage != STAGE_RUN)
		return;
	/* what changed since the one under way began must not be missed */
	m->reload_again = is_reloading(m);
	if (m->reload_again) {
		uwsgi_log("uwsgi: a reload is under way; the next one follows it\n");
		return;
	}
	uwsgi_log("...gracefully killing workers... as soon as their successors are ready\n");
	int failed = begin_generation(m);
	if (failed)
		uwsgi_log("uwsgi: cannot start a new generation: %s; the old one keeps serving\n", strerror(-failed));
}

/* The reload that was asked for while another was under way. */
static void reload_if_asked(struct master *m)
{
	if (m->reload_again && !is_reloading(m))
		reload(m);
}

/* Every process of the generation is ready: it takes over. */
static void check_serving(struct master *m, struct generation *g)
{
	if (g->serving || g->retiring || !g->loaded)
		return;
	for (int i = 0; i < proc_table_size(m->k->table); i++) {
		const struct proc_slot *slot = proc_slot_at(m->k->table, i);
		if (slot->generation == g->number && atomic_load(&slot->state) == UWSGI_PROC_STARTING)
			return;
	}
	g->serving = true;
	for (int i = 0; i < GENERATIONS; i++) {
		struct generation *old = &m->generations[i];
		if (old->number && old != g && old->serving && !old->retiring) {
			uwsgi_log("uwsgi: generation %u answers; generation %u finishes its requests\n", g->number,
				  old->number);
			retire(m, old);
		}
	}
	reload_if_asked(m);
}

static void log_spawned(struct master *m, const struct proc_slot *slot)
{
	const struct uwsgi_kind *kind = proc_kind_at(m->k->table, slot->kind);
	bool serves = kind->flags & UWSGI_KIND_SERVES;
	if (slot->respawns && serves)
		uwsgi_log("Respawned uWSGI %s %d (new pid: %d)\n", kind->name, slot->number, (int)slot->pid);
	else if (serves)
		uwsgi_log("spawned uWSGI %s %d (pid: %d, cores: %d)\n", kind->name, slot->number, (int)slot->pid,
			  m->k->settings->threads);
	else
		uwsgi_log("spawned uWSGI %s %d (pid: %d)\n", kind->name, slot->number, (int)slot->pid);
}

static void handle_exit(struct master *m, struct proc_slot *slot, int wstatus);

static void on_message(struct uwsgi_watch *watch, unsigned events)
{
	struct generation *g = watch->data;
	struct master *m = g->m;
	struct message msg;
	(void)events;
	while (g->watch.fd != -1) {
		ssize_t n = read(watch->fd, &msg, sizeof msg);
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
			uwsgi_loop_remove(m->k->loop, watch); /* its zygote is gone: the exit is handled as such */
		if (n != sizeof msg)
			return;
		if (msg.kind == MESSAGE_LOADED) {
			g->loaded = true;
			start_missing(m, g->number);
		} else if (msg.kind == MESSAGE_READY) {
			log_spawned(m, proc_slot_at(m->k->table, msg.value));
			check_serving(m, g);
		} else if (msg.kind == MESSAGE_NOT_FORKED) {
			handle_exit(m, proc_slot_at(m->k->table, msg.value), 1 << 8);
		}
	}
}

/* ---- stopping ---- */

static int zygotes_left(const struct master *m)
{
	int left = 0;
	for (int i = 0; i < GENERATIONS; i++)
		left += m->generations[i].number && m->generations[i].zygote > 0;
	return left;
}

static void stop_rest(struct master *m)
{
	m->stage = STAGE_STOP_ALL;
	for (int i = 0; i < GENERATIONS; i++)
		if (m->generations[i].number) {
			m->generations[i].retiring = true;
			close_control(&m->generations[i]);
			/* one that is still importing would not notice */
			if (!m->generations[i].loaded && m->generations[i].zygote > 0)
				kill(m->generations[i].zygote, SIGKILL);
		}
	each_slot(m, -1, stop_slot, m->fast ? SIGINT : SIGTERM);
	uwsgi_loop_timer(m->k->loop, &m->mercy, mercy_ms(m));
}

/* Gateways first: they hand over what they accepted, and then nothing new can come. */
static void stop(struct master *m, bool fast, int exit_status)
{
	if (m->stage != STAGE_RUN && (m->fast || !fast))
		return;
	m->fast = fast;
	if (m->stage == STAGE_RUN)
		m->exit_status = exit_status;
	atomic_store(&m->k->shared->stopping, true);
	if (fast || each_slot(m, 0, stop_slot, SIGTERM) == 0)
		stop_rest(m);
	else
		m->stage = STAGE_STOP_FRONT;
	uwsgi_loop_timer(m->k->loop, &m->mercy, mercy_ms(m));
}

static void check_stopped(struct master *m)
{
	if (m->stage == STAGE_STOP_FRONT && each_slot(m, 0, NULL, 0) == 0)
		stop_rest(m);
	if (m->stage == STAGE_STOP_ALL && each_slot(m, -1, NULL, 0) == 0 && !zygotes_left(m))
		uwsgi_loop_stop(m->k->loop);
}

/* ---- deaths ---- */

static void on_comeback(struct uwsgi_timer *timer)
{
	struct comeback *c = (struct comeback *)timer;
	struct master *m = c->m;
	struct generation *g = generation_find(m, c->generation);
	if ((m->stage == STAGE_RUN || is_last(m, &c->last)) && (c->generation == 0 || (g && !g->retiring)) &&
	    !is_up(m, c->kind, c->number, c->generation))
		start(m, c->kind, c->number, c->generation, &c->last);
	free(c);
}

static void start_later(struct master *m, const struct proc_slot *last, uint64_t delay_ms)
{
	struct comeback *c = calloc(1, sizeof *c);
	if (!c)
		return;
	c->m = m;
	c->kind = last->kind;
	c->number = last->number;
	c->generation = last->generation;
	memcpy(&c->last, last, sizeof *last);
	c->timer.fn = on_comeback;
	uwsgi_log("uwsgi: %s %d ends again and again; the next one starts in %llu ms\n",
		  proc_kind_at(m->k->table, last->kind)->name, last->number, (unsigned long long)delay_ms);
	uwsgi_loop_timer(m->k->loop, &c->timer, delay_ms);
}

static void log_exit(struct master *m, const struct proc_slot *slot, int wstatus, bool wanted)
{
	const char *kind = proc_kind_at(m->k->table, slot->kind)->name;
	if (!wanted)
		uwsgi_log("%s %d buried (pid: %d)\n", kind, slot->number, (int)slot->pid);
	else if (WIFSIGNALED(wstatus))
		uwsgi_log("DAMN ! %s %d (pid: %d) died, killed by signal %d :( trying respawn ...\n", kind,
			  slot->number, (int)slot->pid, WTERMSIG(wstatus));
	else if (WEXITSTATUS(wstatus) == EXIT_RECYCLE)
		uwsgi_log("...The work of process %d is done. Seeya!\n", (int)slot->pid);
	else
		uwsgi_log("DAMN ! %s %d (pid: %d) died, exit status %d :( trying respawn ...\n", kind, slot->number,
			  (int)slot->pid, WEXITSTATUS(wstatus));
}

static void rescue_log(struct master *m, const struct proc_slot *slot)
{
	struct reqlog *log = reqlog_open(m->k->logs, proc_slot_index(m->k->table, slot));
	if (log)
		reqlog_flush(log);
	free(log);
}

/* A generation that never served and cannot: thrown away, or the end of a server that has no other. */
static void give_up(struct master *m, struct generation *g, int status)
{
	if (generation_serving(m)) {
		uwsgi_log("uwsgi: generation %u could not be started: %s; generation %u keeps serving\n", g->number,
			  cause_get() ? cause_get() : "it ended by itself", generation_serving(m)->number);
		retire(m, g);
		return;
	}
	stop(m, true, status);
}

/* The server goes on: what one process could not do is news, not the last line. */
static void tell_cause(void)
{
	if (!cause_get())
		return;
	uwsgi_log("uwsgi: %s\n", cause_get());
	cause_clear();
}

static void handle_exit(struct master *m, struct proc_slot *slot, int wstatus)
{
	struct proc_slot last;
	struct generation *g = generation_find(m, slot->generation);
	int state = atomic_load(&slot->state);
	struct proc_exit ended = {
		.wstatus = wstatus,
		.age_ms = uwsgi_now_ms() - slot->spawned_ms,
		.crashes = slot->crashes,
		.was_ready = state == UWSGI_PROC_IDLE,
		.wanted = is_last(m, slot) || (state != UWSGI_PROC_STOPPING && m->stage == STAGE_RUN &&
					       (slot->generation == 0 || (g && !g->retiring))),
		.first_of_all = g && !g->serving,
	};
	rescue_log(m, slot);
	log_exit(m, slot, wstatus, ended.wanted);
	struct proc_decision decision = proc_policy_on_exit(&ended);
	slot->crashes = decision.crashes;
	memcpy(&last, slot, sizeof last);
	proc_retire(m->k->table, slot);
	if (decision.verdict == PROC_RESTART_NOW || decision.verdict == PROC_RESTART_LATER)
		tell_cause();
	if (decision.verdict == PROC_RESTART_NOW)
		start(m, last.kind, last.number, last.generation, &last);
	else if (decision.verdict == PROC_RESTART_LATER)
		start_later(m, &last, decision.delay_ms);
	else if (decision.verdict == PROC_GIVE_UP)
		give_up(m, g, EXIT_APP_FAILED);
}

/* A process that was ordered of a zygote that is gone will not come. */
static void cancel_order(struct master *m, struct proc_slot *slot, int arg)
{
	(void)arg;
	if (atomic_load(&slot->pid) == 0)
		proc_retire(m->k->table, slot);
}

/* The application may end the zygote before it can say why. */
static void explain_zygote_exit(int wstatus)
{
	if (cause_get())
		return;
	if (WIFSIGNALED(wstatus))
		uwsgi_cause("the process that was loading the application was killed by signal %d (%s)",
			    WTERMSIG(wstatus), strsignal(WTERMSIG(wstatus)));
	else
		uwsgi_cause("the process that was loading the application exited with status %d", WEXITSTATUS(wstatus));
}

static void handle_zygote_exit(struct master *m, struct generation *g, int wstatus)
{
	bool loaded = g->loaded;
	g->zygote = 0;
	close_control(g);
	each_slot(m, (int)g->number, cancel_order, 0);
	if (m->stage != STAGE_RUN || g->retiring)
		return;
	if (!loaded) {
		explain_zygote_exit(wstatus);
		give_up(m, g, WIFEXITED(wstatus) && WEXITSTATUS(wstatus) ? WEXITSTATUS(wstatus) : 1);
		return;
	}
	uwsgi_log("uwsgi: the zygote of generation %u died; its workers serve on while another loads the application\n",
		  g->number);
	int failed = start_zygote(m, g);
	if (failed)
		uwsgi_log("uwsgi: cannot start a zygote: %s; a reload is needed before workers can be replaced\n",
			  strerror(-failed));
}

/* A generation whose last process is gone makes room for the next. */
static void forget_generations(struct master *m)
{
	for (int i = 0; i < GENERATIONS; i++) {
		struct generation *g = &m->generations[i];
		if (g->number && g->retiring && g->zygote == 0 && each_slot(m, (int)g->number, NULL, 0) == 0)
			g->number = 0;
	}
	reload_if_asked(m);
}

static void reap(struct master *m)
{
	int wstatus;
	for (pid_t pid; (pid = waitpid(-1, &wstatus, WNOHANG)) > 0;) {
		struct generation *zygote_of = NULL;
		for (int i = 0; i < GENERATIONS; i++)
			if (m->generations[i].number && m->generations[i].zygote == pid)
				zygote_of = &m->generations[i];
		struct proc_slot *slot = zygote_of ? NULL : proc_slot_by_pid(m->k->table, pid);
		if (zygote_of)
			handle_zygote_exit(m, zygote_of, wstatus);
		else if (slot)
			handle_exit(m, slot, wstatus);
	}
	forget_generations(m);
	check_stopped(m);
}

/* ---- its life ---- */

static void log_slot(struct master *m, struct proc_slot *slot, int arg)
{
	(void)arg;
	uwsgi_log("%s %d (pid: %d) generation %u requests: %llu exceptions: %llu\n",
		  proc_kind_at(m->k->table, slot->kind)->name, slot->number, (int)slot->pid, slot->generation,
		  (unsigned long long)slot->requests, (unsigned long long)slot->exceptions);
}

static void on_trap(struct uwsgi_watch *watch, unsigned events)
{
	struct master *m = watch->data;
	bool child = false;
	(void)events;
	for (int signum; (signum = trap_next());) {
		switch (signum) {
		case SIGCHLD:
			child = true;
			break;
		case SIGHUP:
			reload(m);
			break;
		case SIGTERM:
			uwsgi_log("SIGTERM received...finishing requests and stopping\n");
			stop(m, false, 0);
			break;
		case SIGINT:
		case SIGQUIT:
			uwsgi_log("SIGINT/SIGQUIT received...killing workers...\n");
			stop(m, true, 0);
			break;
		case SIGUSR1:
			uwsgi_log("*** workers total requests: %llu\n",
				  (unsigned long long)proc_total_requests(m->k->table));
			each_slot(m, -1, log_slot, 0);
			break;
		}
	}
	if (child || m->stage != STAGE_RUN)
		reap(m);
}

int master_run(struct kernel *k)
{
	/* SIGUSR2, SIGALRM, SIGTSTP: caught so that they do not end or stop the server */
	static const int signals[] = {
		SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, 0
	};
	static struct master master; /* as long as the process */
	struct master *m = &master;
	int life[2];
	*m = (struct master){ .k = k };
	m->mercy.fn = on_mercy;
	m->mercy.data = m;
	k->role = "master";
	k->loop = loop_create();
	if (!k->loop || pipe2(life, O_CLOEXEC) == -1 || trap_open(signals) || prctl(PR_SET_CHILD_SUBREAPER, 1) == -1) {
		uwsgi_cause("the master cannot be set up: %s", strerror(errno));
		return 1;
	}
	k->life_fd = life[0];
	m->life_write_fd = life[1];
	m->trap = (struct uwsgi_watch){ .fd = trap_fd(), .fn = on_trap, .data = m };
	atomic_store(&k->shared->master_pid, getpid());
	uwsgi_log("spawned uWSGI master process (pid: %d)\n", (int)getpid());
	if (k->settings->auto_procname || k->settings->procname_master)
		proc_title_set(k->settings->procname_master ? k->settings->procname_master : "uWSGI master");
	int failed = uwsgi_loop_add(k->loop, &m->trap, UWSGI_READ);
	if (!failed)
		failed = begin_generation(m);
	if (failed) {
		uwsgi_cause("the master cannot start: %s", strerror(-failed));
		return 1;
	}
	start_missing(m, 0);
	uwsgi_loop_run(k->loop);
	uwsgi_log("goodbye to uWSGI.\n");
	return m->exit_status;
}
