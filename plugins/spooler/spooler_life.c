/* spooler_life.c - the process that runs the tasks of one directory.
 *
 * It learns of tasks by name, through inotify, and keeps them in a queue in memory.  The whole directory is looked at
 * at the start, when names were lost, and at the frequency, for what inotify does not tell (another host, another
 * server's file that was being written).  Tasks run from a timer of the loop: an order to end, and the signals for the
 * spooler, which the kernel handles in the same loop, are heard between two tasks, at least once a millisecond. */
#include "spooler.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "spool_dir.h"
#include "spool_hand.h"
#include "spool_job.h"
#include "spool_queue.h"
#include "spool_tries.h"

#define RECYCLE 17	/* the exit status of who has served its time */
#define STALE_S 3600	/* what is written aside and left for so long is nobody's */
#define EVENTS 16384	/* bytes of names taken at once */
#define DIRS_WATCHED 64 /* priorities whose names are told; the others are found at the frequency */

struct watched {
	int wd;
	char prefix[16]; /* "", "7/" */
};

struct life {
	const struct spooler *spooler;
	const struct spooler_options *options;
	struct spool_dir dir;
	struct spool_queue *queue;
	struct spool_hand *hand;
	struct uwsgi_watch names; /* inotify; fd -1: there is none */
	struct watched watched[DIRS_WATCHED];
	size_t watched_count;
	struct uwsgi_timer work; /* armed for the next task's time */
	struct uwsgi_timer regular;
	int done, status;
	int scan_error; /* of the last look, so that one is told once */
};

/* What a row of the API asks; there is one life in a process. */
static const struct life *this_life;

const char *spooler_task_in_hand(void)
{
	return this_life && this_life->hand ? spool_hand_has(this_life->hand) : NULL;
}

#define SAY(life, format, ...)                                                                                         \
	uwsgi_log("[spooler %s pid: %d] " format "\n", (life)->spooler->path, (int)getpid(), __VA_ARGS__)

static int64_t now_s(void)
{
	return (int64_t)(uwsgi_micros() / 1000000);
}

static int64_t frequency(const struct life *life)
{
	int seconds = spooler_frequency();
	return seconds > 0 ? seconds : life->options->frequency;
}

/* ---- when to look next ---- */

static void arm(struct life *life)
{
	int64_t next = spool_queue_next(life->queue);
	if (next == SPOOL_NEVER || life->status)
		return;
	uint64_t now_us = uwsgi_micros(), due_us = (uint64_t)next * 1000000;
	uwsgi_loop_timer(uwsgi_loop(), &life->work, due_us > now_us ? (due_us - now_us) / 1000 + 1 : 0);
}

/* ---- finding tasks ---- */

static void found(const char *path, void *data)
{
	struct life *life = data;
	if (spool_queue_add(life->queue, path) < 0)
		SAY(life, "no memory to note task %s; it is found again in %lld seconds", path,
		    (long long)frequency(life));
}

static void watch_dir(struct life *life, const char *priority)
{
	char path[PATH_MAX];
	if (life->names.fd == -1 || life->watched_count == DIRS_WATCHED)
		return;
	if ((size_t)snprintf(path, sizeof path, "%s/%s", life->spooler->path, priority) >= sizeof path)
		return;
	int wd = inotify_add_watch(life->names.fd, path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	for (size_t i = 0; i < life->watched_count; i++)
		if (life->watched[i].wd == wd)
			return;
	if (wd == -1)
		return;
	struct watched *watched = &life->watched[life->watched_count++];
	watched->wd = wd;
	snprintf(watched->prefix, sizeof watched->prefix, "%s%s", priority, *priority ? "/" : "");
}

static void found_priority(const char *name, void *data)
{
	watch_dir(data, name);
}

/* A writer that died left its file aside: nobody was told that it is a task. */
static void sweep_new(const char *name, void *data)
{
	struct life *life = data;
	struct stat st;
	if (fstatat(life->dir.state, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ctim.tv_sec + STALE_S < now_s())
		unlinkat(life->dir.state, name, 0);
}

static void scan(struct life *life)
{
	const struct spool_scan found_by = { found, found_priority, life };
	struct stat held, there;
	/* it may have been removed and made again */
	if (life->dir.fd != -1 && (stat(life->spooler->path, &there) == -1 || fstat(life->dir.fd, &held) == -1 ||
				   there.st_ino != held.st_ino || there.st_dev != held.st_dev))
		spool_dir_close(&life->dir);
	int failed = life->dir.fd == -1 ? spool_dir_open(&life->dir, life->spooler->path) : 0;
	if (!failed) {
		watch_dir(life, "");
		failed = spool_dir_scan(&life->dir, &found_by);
	}
	if (failed && failed != life->scan_error)
		SAY(life, "cannot look for tasks: %s; next look in %lld seconds", strerror(-failed),
		    (long long)frequency(life));
	life->scan_error = failed;
	if (failed)
		return;
	spool_tries_sweep(&life->dir);
	(void)spool_dir_each_state(&life->dir, SPOOL_NEW, sweep_new, life);
	arm(life);
}

static void on_regular(struct uwsgi_timer *timer)
{
	struct life *life = timer->data;
	scan(life);
	int seconds = spooler_frequency();
	uwsgi_loop_timer(uwsgi_loop(), timer, 1000 * (uint64_t)(seconds > 0 ? seconds : life->options->frequency));
}

static const char *prefix_of(const struct life *life, int wd)
{
	for (size_t i = 0; i < life->watched_count; i++)
		if (life->watched[i].wd == wd)
			return life->watched[i].prefix;
	return NULL;
}

static void forget_watched(struct life *life, int wd)
{
	for (size_t i = 0; i < life->watched_count; i++)
		if (life->watched[i].wd == wd)
			life->watched[i] = life->watched[--life->watched_count];
}

/* True when names were lost, or a directory of priority is new: then the whole directory is looked at. */
static bool heard(struct life *life, const struct inotify_event *event)
{
	char path[NAME_MAX + 32];
	const char *prefix = prefix_of(life, event->wd);
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (event->mask & IN_IGNORED)
		forget_watched(life, event->wd);
	if (!prefix || !event->len || (event->mask & IN_IGNORED))
		return false;
	if (event->mask & IN_ISDIR)
		return !*prefix && spool_priority_of(event->name) >= 0;
	if (!spool_name_is_task(event->name))
		return false;
	snprintf(path, sizeof path, "%s%s", prefix, event->name);
	found(path, life);
	return false;
}

static void on_names(struct uwsgi_watch *watch, unsigned events)
{
	struct life *life = watch->data;
	char buffer[EVENTS] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool lost = false;
	(void)events;
	ssize_t n = read(watch->fd, buffer, sizeof buffer);
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
		lost |= heard(life, event);
		at += (ssize_t)(sizeof *event + event->len);
	}
	if (lost)
		scan(life);
	else
		arm(life);
}

/* ---- running them ---- */

/* Programs expect the directory of the task, or spooler-chdir, to be the current one, whatever the last task did. */
static void enter(struct life *life, const char *path)
{
	char priority[16];
	size_t n = strcspn(path, "/");
	const char *chosen = life->options->chdir;
	int failed = chosen ? chdir(chosen) : fchdir(life->dir.fd);
	if (!failed && !chosen && path[n] && n < sizeof priority) {
		snprintf(priority, sizeof priority, "%.*s", (int)n, path);
		failed = chdir(priority);
	}
	if (failed)
		SAY(life, "cannot change to the directory %s: %s; the task runs where the last one was",
		    chosen ? chosen : path, strerror(errno));
}

static enum spool_outcome outcome_of(const struct life *life, int64_t answer)
{
	if (answer == SPOOL_OK)
		return SPOOL_DONE;
	if (answer == SPOOLER_RAISED)
		return SPOOL_RAISED;
	if (answer == SPOOL_IGNORE)
		SAY(life, "%s", "unable to find the spooler function, have you loaded it into the spooler process ?");
	return SPOOL_ASKED;
}

static void say_failed(struct life *life, const char *path, const struct spool_decision *decision)
{
	if (decision->action == SPOOL_BURY)
		SAY(life, "task %s failed %u times: it is moved to %s/" SPOOL_DEAD ", see --spool-retry", path,
		    decision->tries, life->spooler->path);
	else
		SAY(life, "task %s failed (attempt %u of %d), it is run again in %lld seconds", path, decision->tries,
		    life->options->max_attempts, (long long)(decision->due - now_s()));
}

/* Do what was decided.  True when the task is still there. */
static bool finish(struct life *life, struct spool_job *job, struct spool_decision *decision)
{
	int failed = spool_job_end(job, &life->dir, decision);
	if (failed) {
		SAY(life, "cannot %s task %s: %s; it is looked at again in %lld seconds",
		    decision->action == SPOOL_DELETE ? "remove"
		    : decision->action == SPOOL_BURY ? "bury"
						     : "mark",
		    job->path, strerror(-failed), (long long)frequency(life));
		decision->due = now_s() + frequency(life);
	}
	return failed || decision->action == SPOOL_KEEP;
}

static bool run_job(struct life *life, struct spool_job *job, int64_t *due_r)
{
	int64_t began = now_s();
	bool quiet = life->options->quiet;
	const char *name = spool_base(job->path);
	if (!quiet)
		SAY(life, "managing request %s ...", name);
	enter(life, job->path);
	if (life->hand)
		spool_hand_take(life->hand, job->path);
	spooler_watchdog_arm(job->path);
	enum spool_outcome outcome = outcome_of(life, spooler_handle(job));
	spooler_watchdog_disarm();
	if (outcome == SPOOL_DONE && !quiet)
		SAY(life, "done with task %s after %lld seconds", name, (long long)(now_s() - began));
	struct spool_decision decision =
		spool_decide(outcome, job->tries, (unsigned)life->options->max_attempts, frequency(life), now_s());
	if (outcome == SPOOL_RAISED)
		say_failed(life, job->path, &decision);
	bool kept = finish(life, job, &decision);
	if (life->hand)
		spool_hand_put(life->hand);
	*due_r = decision.due;
	return kept;
}

static void bury_torn(struct life *life, struct spool_job *job)
{
	struct spool_decision decision = { .action = SPOOL_BURY };
	SAY(life, "%s is no whole task: it is moved to %s/" SPOOL_DEAD, job->path, life->spooler->path);
	finish(life, job, &decision);
}

/* Look at one task, and run it when it is time.  True when it was run. */
static bool try_one(struct life *life, struct spool_entry *entry)
{
	struct spool_job job;
	int64_t now = now_s(), due = 0;
	bool kept = false, ran = false;
	switch (spool_job_open(&job, &life->dir, entry->path, now, &due)) {
	case SPOOL_OPEN:
		ran = true;
		kept = run_job(life, &job, &due);
		entry->looks = 0;
		break;
	case SPOOL_TORN:
		bury_torn(life, &job);
		break;
	case SPOOL_GONE:
		break;
	case SPOOL_EARLY:
		kept = true;
		break;
	case SPOOL_TAKEN:
		due = now + spool_look_again(entry->looks++, frequency(life));
		kept = true;
		break;
	case SPOOL_BROKEN:
		if (!entry->looks++)
			SAY(life, "cannot run %s: %s; it is left where it is", entry->path, strerror(errno));
		due = now + frequency(life);
		kept = true;
		break;
	}
	if (kept)
		spool_queue_wait(life->queue, entry, due);
	else
		spool_queue_forget(life->queue, entry);
	spool_job_close(&job);
	return ran;
}

static void on_work(struct uwsgi_timer *timer)
{
	struct life *life = timer->data;
	struct spool_entry *entry = spool_queue_take(life->queue, now_s());
	if (entry && life->dir.fd == -1)
		spool_queue_forget(life->queue, entry); /* found again when the directory is */
	else if (entry && try_one(life, entry))
		life->done++;
	if (life->options->max_tasks > 0 && life->done >= life->options->max_tasks) {
		SAY(life, "maximum number of tasks reached (%d) recycling ...", life->options->max_tasks);
		life->status = RECYCLE;
		uwsgi_loop_stop(uwsgi_loop());
	}
	arm(life);
}

/* ---- the dead ---- */

/* A process died with this task in hand. */
static void left_behind(const char *path, void *data)
{
	struct life *life = data;
	struct spool_job job;
	int64_t due;
	if (!spool_path_is_task(path))
		return;
	enum spool_look seen = spool_job_open(&job, &life->dir, path, INT64_MAX, &due);
	if (seen == SPOOL_OPEN) {
		struct spool_decision decision =
			spool_decide(SPOOL_DIED, spool_tries_read(&life->dir, path),
				     (unsigned)life->options->max_attempts, frequency(life), now_s());
		SAY(life, "the process that ran task %s died", path);
		say_failed(life, path, &decision);
		job.marked = true;
		finish(life, &job, &decision);
		spool_job_close(&job);
	} else if (seen == SPOOL_TAKEN) { /* somebody was faster: the count alone is left to do */
		(void)spool_tries_write(&life->dir, path, spool_tries_read(&life->dir, path) + 1);
	} else if (seen == SPOOL_TORN) {
		spool_job_close(&job);
	}
}

/* ---- its life ---- */

static void open_names(struct life *life)
{
	life->names = (struct uwsgi_watch){ inotify_init1(IN_NONBLOCK | IN_CLOEXEC), on_names, life };
	if (life->names.fd != -1 && uwsgi_loop_add(uwsgi_loop(), &life->names, UWSGI_READ) == 0)
		return;
	SAY(life, "new tasks are not told (inotify: %s): they are looked for every %lld seconds", strerror(errno),
	    (long long)frequency(life));
	life->names.fd = -1;
}

static void begin(struct life *life)
{
	open_names(life);
	int failed = spool_dir_open(&life->dir, life->spooler->path);
	if (!failed) {
		spool_hand_inherit(&life->dir, left_behind, life);
		life->hand = spool_hand_open(&life->dir);
		failed = life->hand ? 0 : -errno;
	}
	if (failed)
		SAY(life, "cannot write to the directory: %s; a death of this process is not counted against its task",
		    strerror(-failed));
	on_regular(&life->regular);
}

int spooler_run(int number)
{
	struct life life = { .spooler = spooler_of(number), .options = spooler_options(), .dir = { .fd = -1 } };
	life.dir.spares = life.spooler->spares;
	life.work = (struct uwsgi_timer){ .fn = on_work, .data = &life };
	life.regular = (struct uwsgi_timer){ .fn = on_regular, .data = &life };
	life.queue = spool_queue_create(life.options->ordered);
	if (!life.queue)
		return 1;
	uwsgi_log("spawned the uWSGI spooler on dir %s with pid %d\n", life.spooler->path, (int)getpid());
	this_life = &life;
	spooler_watchdog_start(life.options->harakiri);
	begin(&life);
	uwsgi_loop_run(uwsgi_loop());
	this_life = NULL;
	spool_hand_close(&life.hand, &life.dir);
	spool_dir_close(&life.dir);
	spool_queue_destroy(&life.queue);
	return life.status;
}
