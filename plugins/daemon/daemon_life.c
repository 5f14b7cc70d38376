/* daemon_life.c - the process beside a daemon: it starts the command, sees it end, and starts it again.
 *
 * An attached daemon is a child of ours, and ends with us.  A smart one has a pidfile, survives us, and is found again
 * by it.  Ends are seen through a pidfd; where the system has none, by a look each second. */
#include "daemon.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 1000
#define GROUP_LOOK_MS 50 /* of a command that ended, at the end */
#define DEFAULT_MERCY_MS 3000
#define HURRY_MS 1500
#define SLACK_MS 500

struct life {
	const struct daemon_spec *spec;
	struct daemon_state *state;
	pid_t pid; /* of the command, or from the pidfile; 0: it is not there */
	uint64_t spawned_ms;
	unsigned deaths; /* young ones, in a row */
	unsigned failed; /* looks at the pidfile in vain */
	bool spawned, was_alive;
	pid_t ended;		  /* the last one seen to end: until it is buried it still has its pid */
	bool reloading;		  /* it was told to end, to be started again */
	struct uwsgi_watch end;	  /* its pidfd; fd -1: not watched */
	struct uwsgi_timer look;  /* or start */
	struct uwsgi_timer touch; /* looks at the files of `touch` */
	struct timespec touched;  /* the newest of them */
};

static void set_pid(struct life *life, pid_t pid)
{
	life->pid = pid;
	atomic_store(&life->state->pid, pid);
}

static void signal_it(const struct life *life, int signum)
{
	if (life->pid)
		kill(life->spec->pidfile ? life->pid : -life->pid, signum);
}

static int stop_signal(const struct daemon_spec *spec)
{
	return spec->stop_signal ? spec->stop_signal : SIGTERM;
}

/* ---- seeing it end ---- */

static void watch_end(struct life *life)
{
	life->end.fd = pidfd_open(life->pid, 0);
	if (life->end.fd != -1 && uwsgi_loop_add(uwsgi_loop(), &life->end, UWSGI_READ) == 0)
		return;
	if (life->end.fd != -1)
		close(life->end.fd);
	life->end.fd = -1;
	uwsgi_loop_timer(uwsgi_loop(), &life->look, LOOK_MS);
}

static void unwatch_end(struct life *life)
{
	if (life->end.fd == -1)
		return;
	uwsgi_loop_remove(uwsgi_loop(), &life->end);
	close(life->end.fd);
	life->end.fd = -1;
}

/* The pid in the pidfile when somebody has it, else 0. */
static pid_t read_pidfile(const char *path)
{
	long pid = 0;
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%ld", &pid) != 1 || pid <= 0 || pid > INT32_MAX)
		pid = 0;
	fclose(file);
	return pid && (kill((pid_t)pid, 0) == 0 || errno == EPERM) ? (pid_t)pid : 0;
}

/* ---- starting it ---- */

static void start_later(struct life *life, unsigned seconds)
{
	uwsgi_log("[uwsgi-daemons] throttling \"%s\" for %u seconds\n", life->spec->command, seconds);
	uwsgi_loop_timer(uwsgi_loop(), &life->look, (uint64_t)seconds * 1000);
}

static void start(struct life *life)
{
	const struct daemon_spec *spec = life->spec;
	pid_t pid = daemon_spawn(spec);
	if (pid < 0) {
		uwsgi_log("[uwsgi-daemons] cannot fork \"%s\": %s\n", spec->command, strerror(-pid));
		start_later(life, daemon_throttle(0, ++life->deaths, (unsigned)spec->max_throttle));
		return;
	}
	atomic_fetch_add(&life->state->started, 1);
	life->spawned = true;
	life->failed = 0;
	life->spawned_ms = uwsgi_now_ms();
	if (spec->pidfile) {
		uwsgi_loop_timer(uwsgi_loop(), &life->look, LOOK_MS);
		return;
	}
	set_pid(life, pid);
	atomic_store(&life->state->group, pid);
	watch_end(life);
}

static void mourn(const struct life *life)
{
	uwsgi_log("[uwsgi-daemons] \"%s\" ended: stopping the server, whose control daemon it is\n",
		  life->spec->command);
	uwsgi_server_stop();
}

/* What is left of its group has lost its head. */
static void bury(struct life *life)
{
	kill(-life->pid, SIGKILL);
	atomic_store(&life->state->group, 0);
	set_pid(life, 0);
}

/* An attached daemon ended: start it again, now or later. */
static void come_back(struct life *life)
{
	uint64_t age = uwsgi_now_ms() - life->spawned_ms;
	if (life->reloading || !daemon_died_young(age)) {
		life->reloading = false;
		life->deaths = 0;
		start(life);
		return;
	}
	start_later(life, daemon_throttle(age, ++life->deaths, (unsigned)life->spec->max_throttle));
}

static void look_at_child(struct life *life)
{
	int status;
	if (!life->pid) {
		start(life);
		return;
	}
	if (waitpid(life->pid, &status, WNOHANG) != life->pid) {
		if (life->end.fd == -1)
			uwsgi_loop_timer(uwsgi_loop(), &life->look, LOOK_MS);
		return;
	}
	unwatch_end(life);
	uwsgi_log("[uwsgi-daemons] \"%s\" (pid: %d) ended, %s %d\n", life->spec->command, (int)life->pid,
		  WIFSIGNALED(status) ? "killed by signal" : "exit status",
		  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	bury(life);
	if (life->spec->control && !life->reloading)
		mourn(life);
	else
		come_back(life);
}

static void look_at_pidfile(struct life *life)
{
	pid_t pid = read_pidfile(life->spec->pidfile);
	if (pid == life->ended)
		pid = 0;
	struct daemon_look look = {
		.alive = pid,
		.was_alive = life->was_alive,
		.spawned = life->spawned,
		.failed = ++life->failed,
		.freq = (unsigned)life->spec->freq,
	};
	enum daemon_verdict verdict = daemon_decide(&look);
	if (pid != life->pid && pid)
		uwsgi_log("[uwsgi-daemons] found \"%s\" (pid: %d) by %s\n", life->spec->command, (int)pid,
			  life->spec->pidfile);
	unwatch_end(life);
	set_pid(life, pid);
	life->was_alive = pid;
	bool reloading = life->reloading;
	if (!pid)
		life->reloading = false;
	if (look.was_alive && !pid && life->spec->control && !reloading)
		mourn(life);
	else if (verdict == DAEMON_WATCH)
		watch_end(life);
	else if (verdict == DAEMON_SPAWN)
		start(life);
	else
		uwsgi_loop_timer(uwsgi_loop(), &life->look, LOOK_MS);
}

static void look(struct life *life)
{
	if (life->spec->pidfile)
		look_at_pidfile(life);
	else
		look_at_child(life);
}

static void on_look(struct uwsgi_timer *timer)
{
	look(timer->data);
}

static void on_end(struct uwsgi_watch *watch, unsigned events)
{
	struct life *life = watch->data;
	(void)events;
	life->ended = life->pid;
	look(life);
}

/* ---- touch ---- */

/* The newest change of the files; one that is not there was never changed. */
static struct timespec newest(const char *files)
{
	struct timespec at = { 0 };
	char *copy = strdup(files), *state = NULL;
	for (char *file = copy ? strtok_r(copy, " ", &state) : NULL; file; file = strtok_r(NULL, " ", &state)) {
		struct stat st;
		if (stat(file, &st) == 0 && (st.st_mtim.tv_sec > at.tv_sec ||
					     (st.st_mtim.tv_sec == at.tv_sec && st.st_mtim.tv_nsec > at.tv_nsec)))
			at = st.st_mtim;
	}
	free(copy);
	return at;
}

static void on_touch(struct uwsgi_timer *timer)
{
	struct life *life = timer->data;
	struct timespec at = newest(life->spec->touch);
	uwsgi_loop_timer(uwsgi_loop(), timer, LOOK_MS);
	if (at.tv_sec == life->touched.tv_sec && at.tv_nsec == life->touched.tv_nsec)
		return;
	life->touched = at;
	uwsgi_log("*** %s has been touched... reloading daemon \"%s\" !!! ***\n", life->spec->touch,
		  life->spec->command);
	life->reloading = !life->spec->reload_signal; /* which it may live through */
	signal_it(life, life->spec->reload_signal ? life->spec->reload_signal : stop_signal(life->spec));
}

/* ---- the end ---- */

/* Less than this process itself is given. */
static uint64_t mercy_ms(void)
{
	int64_t seconds = 0;
	uwsgi_option_number("reload-mercy", &seconds);
	if (uwsgi_server_hurries())
		return HURRY_MS;
	return seconds > 0 ? (uint64_t)seconds * 1000 - SLACK_MS : DEFAULT_MERCY_MS;
}

/* The signal it gets at the end, 0: none. */
static int last_signal(const struct daemon_spec *spec)
{
	int wanted = uwsgi_server_stopping() ? spec->stop_signal : spec->reload_signal;
	return wanted || spec->pidfile ? wanted : stop_signal(spec);
}

static void end_child(struct life *life)
{
	int signum = last_signal(life->spec);
	uint64_t now = uwsgi_now_ms(), begin = now, again = now;
	struct pollfd end = { .fd = life->end.fd, .events = POLLIN };
	/* the group, not the command alone: a shell ends before what it started */
	for (; kill(-life->pid, 0) == 0 && now < begin + mercy_ms(); now = uwsgi_now_ms()) {
		if (now >= again) {
			signal_it(life, signum);
			again = now + LOOK_MS;
		}
		(void)poll(&end, 1, GROUP_LOOK_MS);
		if (waitpid(life->pid, NULL, WNOHANG) == life->pid)
			end.fd = -1;
	}
	if (kill(-life->pid, 0) == 0)
		uwsgi_log("[uwsgi-daemons] \"%s\" (pid: %d) does not end: killing it\n", life->spec->command,
			  (int)life->pid);
	bury(life);
}

int daemon_live(const struct daemon_spec *spec, struct daemon_state *state)
{
	struct life life = { .spec = spec, .state = state };
	life.end = (struct uwsgi_watch){ .fd = -1, .fn = on_end, .data = &life };
	life.look = (struct uwsgi_timer){ .fn = on_look, .data = &life };
	life.touch = (struct uwsgi_timer){ .fn = on_touch, .data = &life };
	/* the one before us was killed, and could not end what it had started */
	if (atomic_load(&state->group))
		kill(-atomic_load(&state->group), SIGKILL);
	atomic_store(&state->group, 0);
	atomic_store(&state->pid, 0);
	if (spec->touch) {
		life.touched = newest(spec->touch);
		uwsgi_loop_timer(uwsgi_loop(), &life.touch, LOOK_MS);
	}
	look(&life);
	uwsgi_loop_run(uwsgi_loop());
	if (life.pid && !spec->pidfile)
		end_child(&life);
	else if (last_signal(spec))
		signal_it(&life, last_signal(spec));
	return 0;
}
