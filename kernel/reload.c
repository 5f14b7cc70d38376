/* reload.c - see reload.h. */
#include "reload.h"

#include "cause.h"
#include "handover.h"
#include "image.h"
#include "notify.h"
#include "privs.h"
#include "settings.h"
#include "takeover.h"
#include "trap.h"
#include "verdict.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/log.h>

/* ---- its end ---- */

static void finish(struct reload *r, bool good, const char *why)
{
	uwsgi_loop_timer_stop(r->crew->k->loop, &r->deadline);
	r->under_way = false;
	verdict_give(&r->crew->k->shared->verdict, good, why);
	cause_clear();
}

static void refuse(struct reload *r, const char *what)
{
	const struct generation *old = crew_serving(r->crew);
	const char *why = cause_get() ? cause_get() : "it ended by itself";
	if (old)
		uwsgi_log("uwsgi: %s: %s; generation %u keeps serving\n", what, why, old->number);
	else
		uwsgi_log("uwsgi: %s: %s; nothing changes\n", what, why);
	char status[256];
	snprintf(status, sizeof status, "%s: %s", what, why);
	notify_status(r->notify, status);
	finish(r, false, why);
}

static void go_on_if_asked(struct reload *r)
{
	if (!r->again || r->under_way || !crew_has_room(r->crew))
		return;
	r->again = false;
	reload_ask(r, r->again_how);
}

/* ---- the next generation ---- */

static void on_deadline(struct uwsgi_timer *timer)
{
	struct reload *r = timer->data;
	struct generation *g = crew_coming(r->crew);
	if (!g)
		return;
	uwsgi_cause("the application was not ready within %d seconds (reload-deadline)",
		    r->crew->k->settings->reload_deadline);
	reload_failed(r, g);
}

static int begin_generation(struct reload *r)
{
	struct generation *g;
	int deadline = r->crew->k->settings->reload_deadline;
	int failed = crew_begin(r->crew, &g);
	if (failed)
		return failed;
	g->chained = r->how == RELOAD_CHAIN;
	g->brutal = r->how == RELOAD_BRUTAL;
	if (deadline && crew_serving(r->crew))
		uwsgi_loop_timer(r->crew->k->loop, &r->deadline, (uint64_t)deadline * 1000);
	return 0;
}

static void begin_or_refuse(struct reload *r)
{
	int failed = begin_generation(r);
	if (failed) {
		uwsgi_cause("a new generation cannot be forked: %s", strerror(-failed));
		refuse(r, "no reload");
		/* also what the image before this one was to start later */
		if (crew_serving(r->crew))
			crew_start_missing(r->crew, crew_serving(r->crew));
	}
}

/* ---- the next image ---- */

static void try_configuration(struct reload *r)
{
	int failed = rehearsal_begin(&r->rehearsal, r->crew->k);
	if (!failed)
		return;
	uwsgi_cause("the new configuration cannot be tried: %s", strerror(-failed));
	refuse(r, "no reload");
}

/* Asked again while the configuration was tried: it may have changed since.  Nothing was loaded yet, so that one reload
 * will do for both. */
static void try_again(struct reload *r)
{
	r->again = false;
	r->how = r->again_how;
	verdict_begin(&r->crew->k->shared->verdict);
	try_configuration(r);
}

/* Comes back only when there is none. */
static void become_next_image(struct reload *r)
{
	struct kernel *k = r->crew->k;
	char how[16];
	trap_hold();
	bool go_on = r->before_exec(r->data);
	if (!go_on || r->again) {
		trap_release();
		if (go_on)
			try_again(r);
		return;
	}
	snprintf(how, sizeof how, "%d", (int)r->how);
	int failed = handover_keep(k->handover, "reload", -1, how);
	if (!failed)
		failed = crew_keep(r->crew);
	privs_lend(k->privs, k->handover);
	if (!failed)
		failed = image_exec(k->image, k->handover, NULL);
	privs_unlend(k->privs, k->handover);
	handover_drop(k->handover, "reload");
	crew_drop_kept(r->crew);
	trap_release();
	uwsgi_log("uwsgi: %s cannot be started again: %s; the application is reloaded, the configuration is not\n",
		  k->image->path, strerror(-failed));
	begin_or_refuse(r);
}

bool reload_rehearsed(struct reload *r, pid_t pid, int wstatus)
{
	if (!r->rehearsal.pid || pid != r->rehearsal.pid)
		return false;
	switch (rehearsal_end(&r->rehearsal, r->crew->k, wstatus)) {
	case REHEARSED_GOOD:
		become_next_image(r);
		break;
	case REHEARSED_UNKNOWN:
		uwsgi_log("uwsgi: %s; the application is reloaded, the configuration is not\n", cause_get());
		cause_clear();
		begin_or_refuse(r);
		break;
	case REHEARSED_BAD:
		refuse(r, "the new configuration is refused");
		go_on_if_asked(r);
		break;
	}
	return true;
}

/* ---- asked and answered ---- */

void reload_init(struct reload *r, struct crew *crew, struct notify *notify, bool (*before_exec)(void *data),
		 void *data)
{
	*r = (struct reload){ .crew = crew, .notify = notify, .before_exec = before_exec, .data = data };
	r->deadline.fn = on_deadline;
	r->deadline.data = r;
	const char *how;
	if (!handover_claim(crew->k->handover, "reload", NULL, &how))
		return;
	r->under_way = true;
	r->how = (enum reload_how)atoi(how);
	handover_drop(crew->k->handover, "reload");
}

int reload_begin(struct reload *r)
{
	if (!r->under_way)
		return begin_generation(r);
	begin_or_refuse(r);
	return 0;
}

void reload_ask(struct reload *r, enum reload_how how)
{
	static const char *const news[] = {
		[RELOAD_GRACEFUL] = "...gracefully killing workers... as soon as their successors are ready",
		[RELOAD_BRUTAL] = "...brutally killing workers... as soon as their successors are ready",
		[RELOAD_CHAIN] = "chain reload starting...",
	};
	if (r->crew->ending)
		return;
	if (r->under_way || crew_coming(r->crew) || !crew_has_room(r->crew)) {
		if (!r->again)
			uwsgi_log("uwsgi: %s\n", crew_has_room(r->crew)
							 ? "a reload is under way; the next one follows it"
							 : "older generations still finish their requests; the reload "
							   "follows when one is gone");
		r->again = true;
		r->again_how = how;
		return;
	}
	uwsgi_log("%s\n", news[how]);
	r->under_way = true;
	r->how = how;
	verdict_begin(&r->crew->k->shared->verdict);
	notify_reloading(r->notify);
	try_configuration(r);
}

bool reload_changed(struct reload *r, struct generation *g)
{
	bool taken = g && !r->crew->ending && takeover_check(r->crew, g) == TAKEOVER_DONE;
	if (taken) {
		char status[64];
		snprintf(status, sizeof status, "generation %u answers", g->number);
		notify_ready(r->notify, status);
	}
	if (taken && r->under_way)
		finish(r, true, "");
	go_on_if_asked(r);
	return taken;
}

bool reload_failed(struct reload *r, struct generation *g)
{
	char what[64];
	if (!crew_serving(r->crew) || g->serving)
		return false;
	snprintf(what, sizeof what, "generation %u could not be started", g->number);
	takeover_abandon(r->crew, g);
	refuse(r, what);
	go_on_if_asked(r);
	return true;
}

void reload_cancel(struct reload *r)
{
	rehearsal_cancel(&r->rehearsal, r->crew->k);
	uwsgi_loop_timer_stop(r->crew->k->loop, &r->deadline);
	if (r->under_way)
		verdict_give(&r->crew->k->shared->verdict, false, "the server stops");
	r->under_way = r->again = false;
}
