/* server.c - the start of the server, top to bottom: configuration, plugins, sockets, privileges, processes.
 *
 * A step that fails says its cause, which becomes the last line, and ends the start with a documented status: 1 for
 * anything of the configuration and the machine, 22 for an application that cannot be loaded. */
#include "server.h"

#include "api_lock.h"
#include "cause.h"
#include "config.h"
#include "flock.h"
#include "handed.h"
#include "handover.h"
#include "image.h"
#include "jail.h"
#include "kernel.h"
#include "limit.h"
#include "listen.h"
#include "log.h"
#include "log_pipe.h"
#include "log_target.h"
#include "loop.h"
#include "master.h"
#include "once.h"
#include "parts.h"
#include "phase.h"
#include "pidfile.h"
#include "plugin.h"
#include "plugin_glue.h"
#include "plugin_life.h"
#include "privs.h"
#include "proc.h"
#include "proc_policy.h"
#include "proc_title.h"
#include "reqlog.h"
#include "settings.h"
#include "trap.h"
#include "vassal.h"
#include "worker.h"
#include "zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <uwsgi/shm.h>

#define OVERLAP 4      /* slots per process: this generation, the next, and those that finish their last requests */
#define SLOTS_MIN 1024 /* room to grow by a reload; memory nobody touches costs nothing */

/* ---- steps ---- */

static int fail(const char *doing, const char *what, int error)
{
	uwsgi_cause("cannot %s %s: %s", doing, what, strerror(error));
	return -error;
}

static int change_directory(const char *path)
{
	return path && chdir(path) == -1 ? fail("change to the directory", path, errno) : 0;
}

static void log_banner(void)
{
	struct utsname un;
	char date[32] = "";
	time_t now = time(NULL);
	uname(&un);
	ctime_r(&now, date);
	date[strcspn(date, "\n")] = 0;
	uwsgi_log("*** Starting uWSGI %s (%zubit) on [%s] ***\n", UWSGI_VERSION, sizeof(void *) * 8, date);
	uwsgi_log("os: %s-%s %s, node: %s, cores: %ld\n", un.sysname, un.release, un.machine, un.nodename,
		  sysconf(_SC_NPROCESSORS_ONLN));
}

static const char *mode_name(const struct settings *s)
{
	if (s->no_server || !s->processes)
		return "no-workers";
	if (s->processes > 1)
		return s->threads > 1 ? "preforking+threaded" : "preforking";
	return s->threads > 1 ? "threaded" : "single process";
}

static int prepare_process(const struct kernel *k)
{
	const struct settings *s = k->settings;
	int failed = log_target_begin(k->log_target, k->privs);
	if (failed)
		return failed;
	log_banner();
	if (s->pidfile)
		failed = pidfile_write(s->pidfile);
	return failed;
}

/* Outside of the namespace of pids; the one inside is the server, and this process all the world knows of it. */
static _Noreturn void stay_outside(struct kernel *k, pid_t inside)
{
	if (phase_run(k->phases, PHASE_POST_JAIL)) {
		kill(inside, SIGKILL);
		uwsgi_log("uwsgi: %s; exit status %d\n", cause_get(), EXIT_CANNOT_START);
		_exit(EXIT_CANNOT_START);
	}
	jail_guard(inside);
}

/* What the guard is known by, for this image and the next. */
static void speak_for(struct kernel *k, pid_t outside)
{
	char number[16];
	const char *text = number;
	snprintf(number, sizeof number, "%d", (int)outside);
	if (outside)
		handover_keep(k->handover, "guard", -1, number);
	else if (!handover_claim(k->handover, "guard", NULL, &text))
		return;
	pidfile_speak_for((pid_t)atoi(text));
	jail_follow(k->jail);
}

static int enter_jail(struct kernel *k)
{
	pid_t us = getpid(), inside;
	if (uwsgi_option_get("daemonize2") && k->jail->namespaces & CLONE_NEWPID) {
		uwsgi_cause("unshare = pid and daemonize2: the first process of a namespace cannot leave it, use "
			    "daemonize");
		return -EINVAL;
	}
	int failed = phase_run(k->phases, PHASE_PRE_JAIL);
	if (!failed)
		failed = jail_leave(k->jail, &inside);
	if (failed)
		return failed;
	if (inside)
		stay_outside(k, inside);
	bool guarded = k->jail->namespaces & CLONE_NEWPID;
	if (guarded)
		speak_for(k, us);
	failed = jail_enter(k->jail);
	if (!failed && jail_is_closed(k->jail))
		image_jail(k->image);
	if (!failed && !guarded)
		failed = phase_run(k->phases, PHASE_POST_JAIL);
	return failed ? failed : phase_run(k->phases, PHASE_IN_JAIL);
}

/* Every socket speaks a protocol somebody provides. */
static int check_protocols(struct kernel *k)
{
	const struct uwsgi_socket *const *sockets;
	size_t count = listeners_list(k->listeners, &sockets);
	for (size_t i = 0; i < count; i++)
		if (!plugins_protocol(k->plugins, sockets[i]->protocol)) {
			uwsgi_cause("socket %s: no plugin provides the protocol %s", sockets[i]->name,
				    sockets[i]->protocol);
			return -EPROTONOSUPPORT;
		}
	return 0;
}

/* Without a socket there is no worker; other processes may be reason enough to start. */
static int check_work(struct kernel *k)
{
	const struct uwsgi_socket *const *sockets;
	const struct uwsgi_kind *kind;
	if (k->settings->no_server || listeners_list(k->listeners, &sockets))
		return 0;
	k->settings->processes = 0;
	for (size_t i = 0; (kind = plugins_kind(k->plugins, i)); i++)
		if (kind->flags & UWSGI_KIND_FROM_MASTER && kind->count())
			return 0;
	uwsgi_cause("the -s/--socket option is missing and stdin is not a socket: there is nothing to listen on");
	return -EINVAL;
}

static int open_sockets(struct kernel *k)
{
	struct settings *s = k->settings;
	if (!s->chown_socket && *privs_owner(k->privs))
		s->chown_socket = privs_owner(k->privs);
	int failed = plugins_init(k->plugins); /* some bind sockets */
	for (size_t i = 0; i < s->nsockets && !failed; i++)
		failed = listeners_add(k->listeners, s->sockets[i].address, s->sockets[i].protocol);
	if (!failed)
		failed = listeners_add_inherited(k->listeners, s->protocol ? s->protocol : "uwsgi");
	if (!failed)
		failed = listeners_bind(k->listeners);
	if (!failed && !(k->handed = handed_create(k->handover, k->listeners)))
		failed = -ENOMEM;
	if (!failed)
		failed = check_protocols(k);
	return failed ? failed : check_work(k);
}

/* Later than daemonize: what is wrong with an address is still said on the terminal. */
static int daemonize_late(const struct kernel *k)
{
	bool forked;
	int failed = log_target_bound(k->log_target, k->privs, &forked);
	return failed || !forked || !k->settings->pidfile ? failed : pidfile_write(k->settings->pidfile);
}

static int drop_privileges(const struct kernel *k)
{
	const struct settings *s = k->settings;
	int failed = privs_drop(k->privs, PRIVS_START);
	if (failed)
		return failed;
	if (getuid() == 0)
		uwsgi_log("*** WARNING: you are running uWSGI as root !!! (use the --uid flag) ***\n");
	failed = log_target_unprivileged(k->log_target, k->privs);
	if (failed)
		return failed;
	if (s->pidfile2 && (failed = pidfile_write(s->pidfile2)))
		return failed;
	return change_directory(s->chdir2);
}

/* Slots of the table: those of the server that was handed over, else enough for `total` processes and for more to come.
 */
static int table_slots(struct kernel *k, int total)
{
	const char *text;
	char number[16];
	int slots = total * OVERLAP + 1;
	if (handover_claim(k->handover, "slots", NULL, &text))
		return atoi(text);
	slots = slots < SLOTS_MIN ? SLOTS_MIN : slots;
	snprintf(number, sizeof number, "%d", slots);
	handover_keep(k->handover, "slots", -1, number);
	return slots;
}

static int lay_out_table(struct kernel *k, int *processes_r)
{
	const struct uwsgi_kind *kind;
	int total = worker_kind.count();
	for (size_t i = 0; (kind = plugins_kind(k->plugins, i)); i++)
		total += kind->count();
	*processes_r = total;
	int slots = table_slots(k, total);
	if (total * OVERLAP + 1 > slots) {
		uwsgi_cause("%d processes are more than the running server has room for: it has to be restarted",
			    total);
		return -ENOSPC;
	}
	k->table = proc_table_create(k->handover, slots);
	k->logs = reqlog_create(k->handover, slots);
	if (!k->table || !k->logs)
		return fail("lay out", "the process table", ENOMEM);
	if (handover_taken(k->handover) && !proc_table_inherited(k->table)) {
		uwsgi_cause("this version keeps its processes in another way: the server has to be restarted");
		return -EINVAL;
	}
	if (api_lock_make())
		return -ENOMEM;
	if (proc_kind_add(k->table, &worker_kind) < 0)
		return fail("register", "the first kind of processes", ENOSPC);
	for (size_t i = 0; (kind = plugins_kind(k->plugins, i)); i++)
		if (proc_kind_add(k->table, kind) < 0)
			return fail("register", "all kinds of processes", ENOSPC);
	return 0;
}

/* Neither a mistake nor a forgotten option is to run what the network can reach as root. */
static int check_root(struct kernel *k)
{
	for (int kind = 0; kind < proc_kinds(k->table); kind++) {
		const struct uwsgi_kind *row = proc_kind_at(k->table, kind);
		if (!(row->flags & UWSGI_KIND_FROM_MASTER) && row->count())
			return privs_check_root(k->privs, k->settings->compat_2_0);
	}
	return 0;
}

/* One process does it all: the zygote's part, then the worker's. */
static int run_alone(struct kernel *k)
{
	uwsgi_log("*** WARNING: you are running uWSGI without its master process manager ***\n");
	k->generation = 1;
	k->role = "worker";
	k->loop = loop_create();
	struct proc_slot *slot = proc_slot_take(k->table, 0, 1, 1, NULL);
	if (!k->loop || !slot)
		return 1;
	proc_event(slot, PROC_EV_FORK);
	atomic_store(&slot->pid, getpid());
	slot->last_spawn_us = uwsgi_micros();
	k->slot = slot;
	if (zygote_load(k) < 0)
		return EXIT_APP_FAILED;
	atomic_store(&k->shared->loaded_generation, 1);
	if (plugins_post_fork(k->plugins) < 0 || phase_run(k->phases, PHASE_POST_FORK))
		return 1;
	limit_pin(k->limits, 1);
	trap_hold(); /* from here on a signal is the worker's */
	uwsgi_log("spawned uWSGI worker 1 (and the only) (pid: %d, cores: %d)\n", (int)getpid(), k->settings->threads);
	int status = worker_run(k, slot);
	plugins_atexit(k->plugins);
	return status == EXIT_RECYCLE && !slot->harakiris ? 0 : status;
}

static void clean_up(struct kernel *k)
{
	const struct settings *s = k->settings;
	if (s->vacuum)
		listeners_vacuum(k->listeners, false);
	if (s->vacuum)
		pidfile_vacuum(s);
}

/* From nothing to a process that may fork: what is done once, whatever is reloaded later. */
static int prepare_first(struct kernel *k)
{
	const struct settings *s = k->settings;
	int failed = flock_take(k->handover, FLOCK_FIRST);
	if (!failed)
		failed = phase_run(k->phases, PHASE_ASAP);
	if (!failed)
		failed = prepare_process(k);
	if (!failed)
		failed = flock_take(k->handover, FLOCK_LATER);
	if (!failed)
		failed = limit_set(k->limits);
	if (!failed)
		failed = enter_jail(k);
	if (!failed)
		failed = change_directory(s->chdir);
	if (!failed)
		failed = phase_run(k->phases, PHASE_AS_ROOT);
	if (!failed)
		failed = open_sockets(k);
	if (!failed)
		failed = daemonize_late(k);
	if (!failed)
		failed = drop_privileges(k);
	jail_follow(k->jail); /* again: another user is followed no more */
	if (!failed)
		failed = log_target_keep(k->handover);
	if (!failed)
		failed = once_keep(k->handover);
	return failed ? failed : phase_run(k->phases, PHASE_AS_USER);
}

/* The same in a process that is set up already, or only tries. */
static int prepare_again(struct kernel *k)
{
	const struct settings *s = k->settings;
	log_target_again(k->log_target, k->handover);
	log_banner();
	speak_for(k, 0);
	if (!handover_is_trial(k->handover))
		once_check(k->handover);
	int failed = flock_take(k->handover, FLOCK_RELOAD);
	if (!failed)
		failed = limit_lock_memory(k->limits);
	if (!failed)
		failed = change_directory(s->chdir);
	if (!failed)
		failed = open_sockets(k);
	return failed ? failed : change_directory(s->chdir2);
}

/* What a start would come to, found out without starting. */
static int rehearse(struct kernel *k)
{
	int processes, failed = prepare_again(k);
	if (!failed)
		failed = lay_out_table(k, &processes);
	if (!failed)
		failed = check_root(k);
	listeners_vacuum(k->listeners, true);
	return failed ? EXIT_CANNOT_START : 0;
}

/* A server that is answering already goes on without what it asks for. */
static int start_master(struct kernel *k, bool again)
{
	int failed = phase_run(k->phases, PHASE_MASTER_START);
	if (!failed || !again)
		return failed;
	uwsgi_log("uwsgi: %s; the server goes on\n", cause_get());
	cause_clear();
	return 0;
}

static int start_and_serve(struct kernel *k)
{
	int processes;
	bool again = handover_taken(k->handover);
	if ((again ? prepare_again(k) : prepare_first(k)) || lay_out_table(k, &processes) || check_root(k))
		return EXIT_CANNOT_START;
	uwsgi_log("*** Operational MODE: %s ***\n", mode_name(k->settings));
	/* the first process of a namespace is everybody's parent in the end, and a master is made for that */
	bool alone = !again && getpid() != 1 && !k->settings->master && processes == 1 && worker_kind.count() == 1 &&
		     vassal_fd(k->vassal) == -1;
	int failed = alone ? 0 : log_pipe_begin(k->handover);
	if (failed) {
		fail("make", "the pipes of the log", -failed);
		return EXIT_CANNOT_START;
	}
	if (!alone && start_master(k, again))
		return EXIT_CANNOT_START;
	int status = alone ? run_alone(k) : master_run(k);
	phase_run(k->phases, PHASE_AS_USER_EXIT);
	return status;
}

static int run_server(struct kernel *k)
{
	privs_settle(k->handover);
	limit_set_umask(k->limits, k->settings->compat_2_0);
	if (handover_is_trial(k->handover))
		return rehearse(k);
	int status = start_and_serve(k);
	clean_up(k);
	return status;
}

/* The last line of a server that could not go on. */
static int say_why(int status)
{
	if (status && cause_get())
		uwsgi_log("uwsgi: %s; exit status %d\n", cause_get(), status);
	return status;
}

int server_main(int argc, char **argv, char **envp)
{
	static struct kernel kernel; /* as long as the process */
	struct kernel *k = &kernel;
	k->role = "main";
	k->control_fd = k->life_fd = -1;
	k->started_us = uwsgi_micros();
	k->image = image_remember(argc, argv, envp);
	k->handover = handover_create();
	if (!k->image || !k->handover)
		return EXIT_CANNOT_START;
	proc_title_init(argc, argv, environ);
	plugin_glue_set(k);
	cause_init(handover_memory(k->handover, "cause", CAUSE_SIZE));
	if (parts_make(k))
		return say_why(EXIT_CANNOT_START);
	if (argc == 3 && !strcmp(argv[1], "--manifest"))
		return plugins_print_manifest(k->plugins, argv[2], stdout) ? 1 : 0;
	int result = config_run(k->config, argc, argv);
	if (result != CONFIG_START)
		return result == CONFIG_DONE ? 0 : -result;
	int status = say_why(run_server(k));
	log_pipe_end();
	return status;
}
