/* spooler_turn.c - see spooler_turn.h. */
#include "spooler_turn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "spool_figures.h"
#include "spool_tries.h"
#include "spooler.h"

#define SAY(turn, ...) SPOOLER_SAY((turn)->spooler, __VA_ARGS__)

static int64_t now_s(void)
{
	return (int64_t)(uwsgi_micros() / 1000000);
}

/* ---- to the program ---- */

/* Programs expect the directory of the task, or spooler-chdir, to be the current one, whatever the last task did. */
static void enter(const struct spooler_turn *turn, const char *path)
{
	char priority[16];
	size_t n = strcspn(path, "/");
	const char *chosen = turn->options->chdir;
	int failed = chosen ? chdir(chosen) : fchdir(turn->dir->fd);
	if (!failed && !chosen && path[n] && n < sizeof priority) {
		snprintf(priority, sizeof priority, "%.*s", (int)n, path);
		failed = chdir(priority);
	}
	if (failed)
		SAY(turn, "cannot change to the directory %s: %s; the task runs where the last one was",
		    chosen ? chosen : path, strerror(errno));
}

static enum spool_outcome outcome_of(const struct spooler_turn *turn, int64_t answer)
{
	if (answer == SPOOL_OK)
		return SPOOL_DONE;
	if (answer == SPOOLER_RAISED)
		return SPOOL_RAISED;
	if (answer == SPOOL_IGNORE)
		SAY(turn, "%s", "unable to find the spooler function, have you loaded it into the spooler process ?");
	return SPOOL_ASKED;
}

static enum spool_outcome run(struct spooler_turn *turn)
{
	const struct spool_job *job = &turn->job;
	enter(turn, job->path);
	if (turn->hand)
		spool_hand_take(turn->hand, job->path);
	spool_figures_begin(turn->figures, turn->pid, now_s());
	uwsgi_task_begin("the task %s", job->path);
	enum spool_outcome outcome = outcome_of(turn, spooler_handle(job));
	uwsgi_task_end();
	spool_figures_end(turn->figures, turn->pid, outcome);
	return outcome;
}

/* ---- what follows ---- */

static struct spool_decision decide(const struct spooler_turn *turn, enum spool_outcome outcome, unsigned tries)
{
	return spool_decide(outcome, tries, (unsigned)turn->options->max_attempts, spooler_pause(), now_s());
}

static void say_failed(const struct spooler_turn *turn, const struct spool_decision *decision)
{
	if (decision->action == SPOOL_BURY)
		SAY(turn, "task %s failed %u times: it is moved to %s/" SPOOL_DEAD ", see --spool-retry",
		    turn->job.path, decision->tries, turn->spooler->path);
	else
		SAY(turn, "task %s failed (attempt %u of %d), it is run again in %lld seconds", turn->job.path,
		    decision->tries, turn->options->max_attempts, (long long)(decision->due - now_s()));
}

/* Do what was decided.  True when the task is still there. */
static bool finish(struct spooler_turn *turn, struct spool_decision *decision)
{
	static const char *const verbs[] = { [SPOOL_DELETE] = "remove", [SPOOL_KEEP] = "mark", [SPOOL_BURY] = "bury" };
	int failed = spool_job_end(&turn->job, turn->dir, decision);
	if (failed) {
		SAY(turn, "cannot %s task %s: %s; it is looked at again in %d seconds", verbs[decision->action],
		    turn->job.path, strerror(-failed), spooler_pause());
		decision->due = now_s() + spooler_pause();
		(void)spool_job_delay(&turn->job, decision->due); /* or it is first again, and nothing else runs */
	}
	return failed || decision->action == SPOOL_KEEP;
}

static struct spooler_turned run_open(struct spooler_turn *turn, struct spool_entry *entry)
{
	int64_t began = now_s();
	bool quiet = turn->options->quiet;
	const char *name = spool_base(turn->job.path);
	if (!quiet)
		SAY(turn, "managing request %s ...", name);
	enum spool_outcome outcome = run(turn);
	if (outcome == SPOOL_DONE && !quiet)
		SAY(turn, "done with task %s after %lld seconds", name, (long long)(now_s() - began));
	struct spool_decision decision = decide(turn, outcome, turn->job.tries);
	if (outcome == SPOOL_RAISED)
		say_failed(turn, &decision);
	bool stays = finish(turn, &decision);
	entry->done = stays && decision.action == SPOOL_DELETE;
	if (turn->hand)
		spool_hand_put(turn->hand);
	return (struct spooler_turned){ .ran = true, .stays = stays, .due = decision.due };
}

/* It ran before and is still there: that is no reason to run it again. */
static struct spooler_turned remove_done(struct spooler_turn *turn)
{
	struct spool_decision decision = { .action = SPOOL_DELETE };
	bool stays = finish(turn, &decision);
	return (struct spooler_turned){ .stays = stays, .due = decision.due };
}

static struct spooler_turned bury(struct spooler_turn *turn, enum spool_look seen)
{
	struct spool_decision decision = { .action = SPOOL_BURY };
	if (seen == SPOOL_HUGE)
		SAY(turn, "%s is larger than spooler-max-size (%lld bytes): it is moved to %s/" SPOOL_DEAD,
		    turn->job.path, (long long)turn->options->max_size, turn->spooler->path);
	else
		SAY(turn, "%s is no whole task: it is moved to %s/" SPOOL_DEAD, turn->job.path, turn->spooler->path);
	bool stays = finish(turn, &decision);
	return (struct spooler_turned){ .stays = stays, .due = decision.due };
}

static struct spooler_turned look_and_run(struct spooler_turn *turn, struct spool_entry *entry)
{
	int64_t now = now_s(), due = 0;
	enum spool_look seen = spool_job_open(&turn->job, turn->dir, entry->path, now, &due);
	switch (seen) {
	case SPOOL_OPEN:
		entry->looks = 0;
		return entry->done ? remove_done(turn) : run_open(turn, entry);
	case SPOOL_TORN:
	case SPOOL_HUGE:
		return bury(turn, seen);
	case SPOOL_GONE:
		return (struct spooler_turned){ 0 };
	case SPOOL_EARLY:
		break;
	case SPOOL_TAKEN:
		due = now + spool_look_again(entry->looks++, spooler_pause());
		break;
	case SPOOL_BROKEN:
		if (!entry->looks++)
			SAY(turn, "cannot run %s: %s; it is left where it is", entry->path, strerror(errno));
		due = now + spooler_pause();
		break;
	}
	return (struct spooler_turned){ .stays = true, .due = due };
}

struct spooler_turned spooler_turn_take(struct spooler_turn *turn, struct spool_entry *entry)
{
	struct spooler_turned turned = look_and_run(turn, entry);
	spool_job_close(&turn->job);
	return turned;
}

/* ---- the dead ---- */

/* A process died with this task in hand. */
static void left_behind(const char *path, void *data)
{
	struct spooler_turn *turn = data;
	int64_t due;
	if (!spool_path_is_task(path))
		return;
	enum spool_look seen = spool_job_open(&turn->job, turn->dir, path, INT64_MAX, &due);
	if (seen == SPOOL_OPEN) {
		struct spool_decision decision = decide(turn, SPOOL_DIED, spool_tries_read(turn->dir, path));
		SAY(turn, "the process that ran task %s died", path);
		spool_figures_end(turn->figures, turn->pid, SPOOL_DIED);
		say_failed(turn, &decision);
		turn->job.marked = true;
		finish(turn, &decision);
	} else if (seen == SPOOL_TAKEN) { /* somebody was faster: the count alone is left to do */
		(void)spool_tries_write(turn->dir, path, spool_tries_read(turn->dir, path) + 1);
	}
	spool_job_close(&turn->job);
}

int spooler_turn_begin(struct spooler_turn *turn)
{
	spool_figures_settle(turn->figures);
	spool_hand_inherit(turn->dir, left_behind, turn);
	turn->hand = spool_hand_open(turn->dir);
	return turn->hand ? 0 : -errno;
}

void spooler_turn_end(struct spooler_turn *turn)
{
	spool_hand_close(&turn->hand, turn->dir);
	spool_job_destroy(&turn->job);
}
