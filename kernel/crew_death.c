/* crew_death.c - a process that ended: its log lines are saved, it is announced, and proc_policy.c decides what
 * follows. */
#include "cause.h"
#include "crew.h"
#include "proc_policy.h"
#include "reqlog.h"
#include "settings.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <uwsgi/log.h>

#define FORK_AGAIN_MS 500 /* until a fork that failed is tried again */

/* A process that is to come back after a pause. */
struct comeback {
	struct uwsgi_timer timer; /* first: the timer is the comeback */
	struct crew *crew;
	struct comeback *next;
	struct proc_slot last;
};

static const char *name_of(struct crew *crew, const struct proc_slot *slot)
{
	return proc_kind_at(crew->k->table, slot->kind)->name;
}

static void forget_comeback(struct crew *crew, const struct comeback *gone)
{
	struct comeback **at = &crew->comebacks;
	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
}

static void on_comeback(struct uwsgi_timer *timer)
{
	struct comeback *c = (struct comeback *)timer;
	struct crew *crew = c->crew;
	struct generation *g = crew_generation(crew, c->last.generation);
	if (!crew->ending && g && !g->retiring && c->last.number <= crew_wanted(crew, c->last.kind) &&
	    !crew_find(crew, c->last.kind, c->last.number, g->number))
		crew_start(crew, c->last.kind, c->last.number, g, &c->last, false);
	forget_comeback(crew, c);
	free(c);
}

bool crew_comes_back(const struct crew *crew, int kind, int number, unsigned generation)
{
	for (const struct comeback *c = crew->comebacks; c; c = c->next)
		if (c->last.kind == kind && c->last.number == number && c->last.generation == generation)
			return atomic_load(&c->last.state) == UWSGI_PROC_IDLE;
	return false;
}

static void start_later(struct crew *crew, const struct proc_slot *last, uint64_t delay_ms)
{
	struct comeback *c = calloc(1, sizeof *c);
	if (!c)
		return;
	c->crew = crew;
	c->next = crew->comebacks;
	crew->comebacks = c;
	memcpy(&c->last, last, sizeof *last);
	c->timer.fn = on_comeback;
	uwsgi_loop_timer(crew->k->loop, &c->timer, delay_ms);
}

static void start_after_pause(struct crew *crew, const struct proc_slot *last, uint64_t delay_ms)
{
	uwsgi_log("uwsgi: %s %d ends again and again; the next one starts in %llu ms\n", name_of(crew, last),
		  last->number, (unsigned long long)delay_ms);
	start_later(crew, last, delay_ms);
}

static void log_exit(struct crew *crew, const struct proc_slot *slot, int wstatus, bool wanted)
{
	const char *kind = name_of(crew, slot);
	if (WIFEXITED(wstatus) && WEXITSTATUS(wstatus) == EXIT_RECYCLE)
		uwsgi_log("...The work of process %d is done. Seeya!\n", (int)slot->pid);
	else if (!wanted)
		uwsgi_log("%s %d buried (pid: %d)\n", kind, slot->number, (int)slot->pid);
	else if (WIFSIGNALED(wstatus))
		uwsgi_log("DAMN ! %s %d (pid: %d) died, killed by signal %d :( trying respawn ...\n", kind,
			  slot->number, (int)slot->pid, WTERMSIG(wstatus));
	else
		uwsgi_log("DAMN ! %s %d (pid: %d) died, exit status %d :( trying respawn ...\n", kind, slot->number,
			  (int)slot->pid, WEXITSTATUS(wstatus));
}

static void rescue_log(struct crew *crew, const struct proc_slot *slot)
{
	struct reqlog *log = reqlog_open(crew->k->logs, proc_slot_index(crew->k->table, slot));
	if (log)
		reqlog_flush(log);
	free(log);
}

/* The server goes on: what one process could not do is news, not the last line. */
static void tell_cause(void)
{
	if (!cause_get())
		return;
	uwsgi_log("uwsgi: %s\n", cause_get());
	cause_clear();
}

/* A kind of which there is never more than one a number waits for the end of the old generation's. */
static void start_waiting(struct crew *crew, const struct proc_slot *last)
{
	struct generation *g = crew_serving(crew);
	if (!crew->ending && g && crew_is_single(crew, last->kind) && last->number <= crew_wanted(crew, last->kind) &&
	    !proc_slot_find(crew->k->table, last->kind, last->number))
		crew_start(crew, last->kind, last->number, g, NULL, false);
}

/* Does the server go on without it?  While it ends, those it tells last are needed still. */
static bool is_needed(struct crew *crew, const struct generation *g, const struct proc_slot *last)
{
	bool to_the_last = proc_kind_at(crew->k->table, last->kind)->flags & UWSGI_KIND_LAST;
	bool goes_on = crew->ending ? to_the_last : g && !g->retiring;
	return g && goes_on && last->number <= crew_wanted(crew, last->kind) &&
	       !crew_find(crew, last->kind, last->number, last->generation);
}

void crew_bury(struct crew *crew, struct proc_slot *slot, int wstatus)
{
	struct proc_slot last;
	struct generation *g = crew_generation(crew, slot->generation);
	int state = atomic_load(&slot->state);
	bool told = state == UWSGI_PROC_STOPPING, was_ready = state == UWSGI_PROC_IDLE;
	bool serves = proc_kind_at(crew->k->table, slot->kind)->flags & UWSGI_KIND_SERVES;
	memcpy(&last, slot, sizeof last);
	rescue_log(crew, slot);
	proc_retire(crew->k->table, slot);
	struct proc_exit ended = {
		.wstatus = wstatus,
		.age_ms = uwsgi_now_ms() - last.spawned_ms,
		.crashes = last.crashes,
		.budget = crew->k->settings->max_crashes,
		.was_ready = was_ready,
		.wanted = !told && is_needed(crew, g, &last),
		.first_of_all = g && !g->serving && (serves || !was_ready), /* what does not serve holds up nobody */
	};
	log_exit(crew, &last, wstatus, ended.wanted);
	struct proc_decision decision = proc_policy_on_exit(&ended);
	last.crashes = decision.crashes;
	if (decision.verdict == PROC_RESTART_NOW || decision.verdict == PROC_RESTART_LATER)
		tell_cause();
	if (decision.verdict == PROC_RESTART_NOW)
		crew_start(crew, last.kind, last.number, g, &last, false);
	else if (decision.verdict == PROC_RESTART_LATER)
		start_after_pause(crew, &last, decision.delay_ms);
	else if (decision.verdict == PROC_GIVE_UP)
		crew->failed(crew, g, EXIT_APP_FAILED);
	else
		start_waiting(crew, &last);
	crew->changed(crew, g);
}

void crew_not_forked(struct crew *crew, struct proc_slot *slot, int error)
{
	struct proc_slot last;
	uwsgi_log("uwsgi: cannot fork %s %d: %s; the master tries again in %d ms\n", name_of(crew, slot), slot->number,
		  strerror(error), FORK_AGAIN_MS);
	memcpy(&last, slot, sizeof last);
	proc_retire(crew->k->table, slot);
	start_later(crew, &last, FORK_AGAIN_MS);
}

/* A process that was ordered of a zygote that is gone will not come. */
static void cancel_order(struct crew *crew, struct proc_slot *slot, int arg)
{
	(void)arg;
	if (atomic_load(&slot->pid) == 0)
		proc_retire(crew->k->table, slot);
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

static void on_zygote_due(struct uwsgi_timer *timer)
{
	struct generation *g = timer->data;
	int failed = crew_start_zygote(g->crew, g);
	if (!failed)
		return;
	uwsgi_log("uwsgi: cannot fork a zygote: %s; the master tries again in %d ms\n", strerror(-failed),
		  FORK_AGAIN_MS);
	crew_zygote_later(g->crew, g, FORK_AGAIN_MS);
}

void crew_zygote_later(struct crew *crew, struct generation *g, uint64_t delay_ms)
{
	g->zygote_due.fn = on_zygote_due;
	g->zygote_due.data = g;
	uwsgi_loop_timer(crew->k->loop, &g->zygote_due, delay_ms);
}

/* Its application may have changed since, and be broken: then this goes on until a reload, or until it is mended. */
static void replace_zygote(struct crew *crew, struct generation *g, int wstatus, bool loaded)
{
	struct proc_exit ended = {
		.wstatus = wstatus,
		/* one that has loaded has shown that it can: whoever ended it, the next one comes at once */
		.age_ms = loaded ? POLICY_YOUNG_MS : uwsgi_now_ms() - g->zygote_ms,
		.crashes = g->zygote_crashes,
		.was_ready = loaded,
		.wanted = true,
	};
	struct proc_decision decision = proc_policy_on_exit(&ended);
	g->zygote_crashes = decision.crashes;
	if (!loaded) {
		explain_zygote_exit(wstatus);
		tell_cause();
	}
	uwsgi_log("uwsgi: the zygote of generation %u died; its workers serve on while another loads the application, "
		  "in %llu ms\n",
		  g->number, (unsigned long long)decision.delay_ms);
	crew_zygote_later(crew, g, decision.delay_ms);
}

static void bury_zygote(struct crew *crew, struct generation *g, int wstatus)
{
	bool loaded = g->loaded;
	g->zygote = 0;
	generation_drop_orders(g);
	crew_each(crew, g->number, cancel_order, 0);
	if (crew->ending || g->retiring)
		return;
	if (loaded || g->serving) {
		replace_zygote(crew, g, wstatus, loaded);
		return;
	}
	explain_zygote_exit(wstatus);
	crew->failed(crew, g, WIFEXITED(wstatus) && WEXITSTATUS(wstatus) ? WEXITSTATUS(wstatus) : 1);
}

bool crew_buried(struct crew *crew, pid_t pid, int wstatus)
{
	for (int i = 0; i < GENERATIONS; i++)
		if (crew->generations[i].number && crew->generations[i].zygote == pid) {
			bury_zygote(crew, &crew->generations[i], wstatus);
			crew->changed(crew, NULL);
			return true;
		}
	struct proc_slot *slot = proc_slot_by_pid(crew->k->table, pid);
	if (slot)
		crew_bury(crew, slot, wstatus);
	return slot != NULL;
}
