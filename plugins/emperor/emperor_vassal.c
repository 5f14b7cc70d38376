/* emperor_vassal.c - the life of a vassal, from its file's appearance to its burial.
 *
 * What can happen to it: its file changes or goes, its process speaks or ends, a connection or a timer comes.  One
 * whose file is gone is forgotten as soon as it has no process. */
#include "emperor_vassal.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLOSED_MS 1000 /* its line is closed: it is about to end, or something is wrong */

/* Bytes on the line. */
enum { SAY_STOP = 0, SAY_RELOAD = 1 };
enum { HEAR_SPAWNED = 1, HEAR_READY = 5, HEAR_LOYAL = 17, HEAR_LEAVING = 22, HEAR_HEARTBEAT = 26 };

static void say(struct vassal *v, char byte)
{
	if (v->line.fd != -1)
		(void)!write(v->line.fd, &byte, 1); /* one that is gone is noticed by the watches */
}

static void close_watch(struct uwsgi_watch *watch)
{
	if (watch->fd == -1)
		return;
	uwsgi_loop_remove(uwsgi_loop(), watch);
	close(watch->fd);
	watch->fd = -1;
}

static void open_watch(struct uwsgi_watch *watch, int fd)
{
	watch->fd = fd;
	if (fd != -1 && uwsgi_loop_add(uwsgi_loop(), watch, UWSGI_READ)) {
		close(fd);
		watch->fd = -1;
	}
}

/* ---- ending ---- */

static void tell_to_end(struct vassal *v, uint64_t patience_ms)
{
	v->state = ENDING;
	say(v, SAY_STOP);
	uwsgi_loop_timer(uwsgi_loop(), &v->timer, patience_ms);
}

static void curse(struct vassal *v)
{
	int seconds = v->all->options->curse_tolerance;
	if (v->state != RUNNING)
		return;
	uwsgi_log("[emperor] curse the uwsgi instance %s (pid: %d): it has %d seconds to end\n", v->name, (int)v->pid,
		  seconds);
	tell_to_end(v, (uint64_t)seconds * 1000);
}

/* ---- starting ---- */

static void start_later(struct vassal *v, uint64_t ms)
{
	uwsgi_log("[emperor] vassal %s starts again in %llu ms\n", v->name, (unsigned long long)ms);
	uwsgi_loop_timer(uwsgi_loop(), &v->timer, ms);
}

static uint64_t delay(struct vassal *v)
{
	const struct emperor_options *o = v->all->options;
	struct vassal_end end = { v->ready, v->loyal, uwsgi_now_ms() - v->started_ms, v->deaths };
	uint64_t step = (uint64_t)o->throttle_ms;
	return policy_delay(&end, step, o->no_blacklist ? step : (uint64_t)o->max_throttle_ms, &v->deaths);
}

static void shut_door(struct vassal *v)
{
	if (v->door_watched)
		uwsgi_loop_remove(uwsgi_loop(), &v->door);
	v->door_watched = false;
}

static void start(struct vassal *v)
{
	const struct vassal_order order = {
		v->all->options, v->dir, v->name, v->format, v->mark.uid, v->mark.gid, v->door.fd,
	};
	int line;
	shut_door(v);
	uwsgi_loop_timer_stop(uwsgi_loop(), &v->timer);
	v->ready = v->loyal = v->leaving = false;
	v->beat_ms = 0;
	v->started_ms = uwsgi_now_ms();
	if (order.options->tyrant && !policy_may_rule(order.uid, order.gid)) {
		uwsgi_log("[emperor-tyrant] invalid permissions for vassal %s: its file belongs to root\n", v->name);
		v->state = RESTING;
		return;
	}
	pid_t pid = vassal_spawn(&order, &line);
	if (pid < 0) {
		uwsgi_log("[emperor] cannot fork vassal %s: %s\n", v->name, strerror(-pid));
		start_later(v, delay(v));
		return;
	}
	v->pid = pid;
	v->state = RUNNING;
	v->last_run = time(NULL);
	if (!v->lives++)
		v->first_run = v->last_run;
	open_watch(&v->line, line);
	open_watch(&v->end, pidfd_open(pid, 0)); /* without it, the line's end tells */
}

static void on_connection(struct uwsgi_watch *watch, unsigned events)
{
	struct vassal *v = watch->data;
	(void)events;
	uwsgi_log("[emperor] a connection on %s wakes vassal %s\n", v->address, v->name);
	start(v);
}

void vassal_arm(struct vassal *v)
{
	v->state = WAITING;
	if (!v->address) {
		start(v);
		return;
	}
	if (v->door.fd == -1) {
		int fd = demand_bind(v->address, v->all->options->tyrant ? &v->mark : NULL, 0);
		if (fd < 0) {
			uwsgi_log("[emperor] cannot listen on %s for vassal %s: %s\n", v->address, v->name,
				  strerror(-fd));
			v->started_ms = uwsgi_now_ms();
			start_later(v, delay(v));
			return;
		}
		v->door.fd = fd;
	}
	v->door_watched = uwsgi_loop_add(uwsgi_loop(), &v->door, UWSGI_READ) == 0;
	uwsgi_log("[emperor] vassal %s waits for a connection on %s\n", v->name, v->address);
}

/* Its file changed while there is no process: what went wrong before may be right now. */
static void arm_anew(struct vassal *v)
{
	shut_door(v);
	uwsgi_loop_timer_stop(uwsgi_loop(), &v->timer);
	v->deaths = 0;
	vassal_arm(v);
}

/* ---- after its end ---- */

void vassal_forget(struct vassal *v)
{
	struct vassal **at = &v->all->first;
	assert(v->pid == 0);
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	uwsgi_loop_timer_stop(uwsgi_loop(), &v->timer);
	shut_door(v);
	if (v->door.fd != -1)
		demand_close(v->door.fd, v->address);
	uwsgi_log("[emperor] removed uwsgi instance %s\n", v->name);
	free(v->address);
	free(v->path);
	free(v->dir);
	free(v->name);
	free(v);
}

static void log_end(const struct vassal *v, int status)
{
	if (WIFSIGNALED(status))
		uwsgi_log("[emperor] vassal %s (pid: %d) ended, killed by signal %d\n", v->name, (int)v->pid,
			  WTERMSIG(status));
	else
		uwsgi_log("[emperor] vassal %s (pid: %d) ended, exit status %d\n", v->name, (int)v->pid,
			  WEXITSTATUS(status));
}

void vassal_bury(struct vassal *v, int status)
{
	log_end(v, status);
	close_watch(&v->line);
	close_watch(&v->end);
	uwsgi_loop_timer_stop(uwsgi_loop(), &v->timer);
	vassal_hook(v->all->options->stop_hook, v->name, false);
	v->pid = 0;
	v->state = WAITING;
}

static void handle_end(struct vassal *v, int status)
{
	vassal_bury(v, status);
	if (v->gone) {
		vassal_forget(v);
		return;
	}
	if (v->leaving && !v->address) {
		uwsgi_log("[emperor] vassal %s rests until its file changes\n", v->name);
		v->state = RESTING;
		return;
	}
	uint64_t wait = v->leaving ? 0 : delay(v);
	if (wait)
		start_later(v, wait);
	else
		vassal_arm(v);
}

/* True: it had ended, and may be forgotten now. */
static bool look_at_process(struct vassal *v)
{
	int status;
	if (!v->pid || waitpid(v->pid, &status, WNOHANG) != v->pid)
		return false;
	handle_end(v, status);
	return true;
}

/* ---- what it says ---- */

static void hear(struct vassal *v, char byte)
{
	switch (byte) {
	case HEAR_SPAWNED:
		uwsgi_log("[emperor] vassal %s has been spawned\n", v->name);
		break;
	case HEAR_READY:
		v->ready = true;
		uwsgi_log("[emperor] vassal %s is ready to accept requests\n", v->name);
		break;
	case HEAR_LOYAL:
		v->loyal = true;
		v->deaths = 0;
		uwsgi_log("[emperor] vassal %s is now loyal\n", v->name);
		break;
	case HEAR_LEAVING:
		v->leaving = true;
		if (v->state == RUNNING)
			tell_to_end(v, VASSAL_STOP_MS);
		break;
	case HEAR_HEARTBEAT:
		v->beat_ms = uwsgi_now_ms();
		break;
	}
}

static void on_line(struct uwsgi_watch *watch, unsigned events)
{
	struct vassal *v = watch->data;
	char bytes[16];
	(void)events;
	ssize_t n = read(watch->fd, bytes, sizeof bytes);
	for (ssize_t i = 0; i < n; i++)
		hear(v, bytes[i]);
	if (n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR)))
		return;
	close_watch(watch);
	if (v->state == RUNNING)
		uwsgi_loop_timer(uwsgi_loop(), &v->timer, CLOSED_MS);
}

static void on_end(struct uwsgi_watch *watch, unsigned events)
{
	(void)events;
	look_at_process(watch->data);
}

static void on_timer(struct uwsgi_timer *timer)
{
	struct vassal *v = timer->data;
	if (look_at_process(v))
		return;
	if (v->state == ENDING) {
		uwsgi_log("[emperor] vassal %s (pid: %d) does not end: killing it\n", v->name, (int)v->pid);
		kill(v->pid, SIGKILL);
	} else if (v->state == RUNNING) {
		uwsgi_log("[emperor] vassal %s does not listen any more\n", v->name);
		curse(v);
	} else if (v->state == WAITING) {
		vassal_arm(v);
	}
}

/* ---- what its file says ---- */

struct vassal *vassal_create(struct vassals *all, const struct found *found, int source)
{
	struct vassal *v = calloc(1, sizeof *v), **at = &all->first;
	if (!v)
		return NULL;
	v->all = all;
	v->path = strdup(found->path);
	v->dir = found->dir ? strdup(found->dir) : NULL;
	v->name = strdup(found->name);
	if (!v->path || !v->name || (found->dir && !v->dir)) {
		free(v->path);
		free(v->dir);
		free(v->name);
		free(v);
		return NULL;
	}
	v->format = found->format;
	v->mark = found->mark;
	v->source = source;
	v->address = demand_address(all->options, found->path, found->name);
	v->line = (struct uwsgi_watch){ .fd = -1, .fn = on_line, .data = v };
	v->end = (struct uwsgi_watch){ .fd = -1, .fn = on_end, .data = v };
	v->door = (struct uwsgi_watch){ .fd = -1, .fn = on_connection, .data = v };
	v->timer = (struct uwsgi_timer){ .fn = on_timer, .data = v };
	while (*at)
		at = &(*at)->next;
	*at = v;
	return v;
}

void vassal_change(struct vassal *v, const struct file_mark *mark)
{
	bool other_owner = mark->uid != v->mark.uid || mark->gid != v->mark.gid;
	v->mark = *mark;
	if (v->state == WAITING || v->state == RESTING) {
		arm_anew(v);
	} else if (v->state == RUNNING && other_owner && v->all->options->tyrant) {
		uwsgi_log("[emperor-tyrant] vassal %s has another owner: stopping it\n", v->name);
		tell_to_end(v, VASSAL_STOP_MS);
	} else if (v->state == RUNNING) {
		uwsgi_log("[emperor] reload the uwsgi instance %s\n", v->name);
		say(v, SAY_RELOAD);
	}
}

void vassal_lose_file(struct vassal *v)
{
	v->gone = true;
	if (!v->pid) {
		vassal_forget(v);
		return;
	}
	uwsgi_log("[emperor] stop the uwsgi instance %s\n", v->name);
	tell_to_end(v, VASSAL_STOP_MS);
}

void vassal_check(struct vassal *v)
{
	int seconds = v->all->options->heartbeat;
	if (v->state == RUNNING && policy_heart_stopped(v->beat_ms, uwsgi_now_ms(), seconds)) {
		uwsgi_log("[emperor] vassal %s sent no heartbeat in the last %d seconds\n", v->name, seconds);
		curse(v);
	}
	look_at_process(v);
}

void vassal_say_stop(struct vassal *v)
{
	say(v, SAY_STOP);
}
