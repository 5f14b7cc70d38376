/* recycle.c - a worker that has served its time is replaced: after so many requests or seconds, or when it has grown.
 *
 * The decision is recycle_why; the rest collects what it needs to know.  Nothing but max-lifetime happens to a worker
 * younger than min-worker-lifetime: one that is full as soon as it has started would be replaced without end. */
#include "recycle.h"

#include "memory.h"
#include "option.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>
#include <uwsgi/log.h>
#include <uwsgi/shm.h>

#define LOOK_MS 1000 /* between two looks at the memory */

/* ---- options ---- */

#define ROW(NAME, TYPE, FIELDNAME, HELP, ...)                                                                          \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_##TYPE, .value = (void *)offsetof(struct recycle_settings, FIELDNAME), \
		.help = HELP, .group = "processes", __VA_ARGS__                                                        \
	}
/* clang-format off */
static const struct uwsgi_option rows[] = {
	ROW("max-requests-delta", INT, max_requests_delta, "worker N is replaced N times that many requests later (default: a spread of a tenth of max-requests)"),
	ROW("min-worker-lifetime", INT, min_lifetime, "seconds a worker lives before max-requests and reload-on-* count (default 10)"),
	ROW("max-worker-lifetime", INT, max_lifetime, "replace a worker after that many seconds"),
	ROW("max-worker-lifetime-delta", INT, max_lifetime_delta, "worker N is replaced N times that many seconds later (default: a spread of a tenth of max-worker-lifetime)"),
	ROW("reload-on-rss", MB, rss, "replace a worker whose resident memory is larger than that many MB"),
	ROW("reload-on-as", MB, as, "replace a worker whose address space is larger than that many MB"),
	ROW("evil-reload-on-rss", MB, evil_rss, "kill a worker whose resident memory is larger than that many MB, even in a request", .flags = UWSGI_OPT_MASTER),
	ROW("evil-reload-on-as", MB, evil_as, "kill a worker whose address space is larger than that many MB, even in a request", .flags = UWSGI_OPT_MASTER),
	{ 0 },
};
/* clang-format on */

struct recycle_settings *recycle_register(struct option_registry *options)
{
	struct recycle_settings *settings = uwsgi_shm_alloc(sizeof *settings);
	if (!settings)
		return NULL;
	settings->min_lifetime = 10;
	return option_register(options, "the kernel", rows, sizeof *rows, settings) ? NULL : settings;
}

int recycle_finish(const struct recycle_settings *settings)
{
	if (!settings->max_lifetime || settings->max_lifetime > settings->min_lifetime)
		return 0;
	uwsgi_log("invalid min-worker-lifetime value (%d), must be lower than max-worker-lifetime (%d)\n",
		  settings->min_lifetime, settings->max_lifetime);
	return -EINVAL;
}

/* ---- decisions ---- */

uint64_t recycle_limit(uint64_t limit, uint64_t delta, int number)
{
	if (delta)
		return limit + delta * (uint64_t)number;
	/* multiples of the golden section: any number of neighbours lie far apart */
	double share = number * 0.6180339887;
	return limit + (uint64_t)((share - (double)(uint64_t)share) * (double)limit / 10);
}

static bool is_over(uint64_t bytes, int64_t limit)
{
	return limit && bytes > (uint64_t)limit;
}

enum recycle_reason recycle_why(const struct recycle_settings *settings, const struct recycle_view *view)
{
	uint64_t lifetime = (uint64_t)settings->max_lifetime * 1000;
	if (lifetime &&
	    view->age_ms >= recycle_limit(lifetime, (uint64_t)settings->max_lifetime_delta * 1000, view->number))
		return RECYCLE_LIFETIME;
	if (view->age_ms < (uint64_t)settings->min_lifetime * 1000)
		return RECYCLE_NO;
	uint64_t requests = (uint64_t)view->max_requests;
	if (requests && view->requests >= recycle_limit(requests, (uint64_t)settings->max_requests_delta, view->number))
		return RECYCLE_REQUESTS;
	if (view->asked)
		return RECYCLE_ASKED;
	if (is_over(view->rss, settings->rss))
		return RECYCLE_RSS;
	return is_over(view->as, settings->as) ? RECYCLE_AS : RECYCLE_NO;
}

/* ---- looking ---- */

/* The memory of this process, which the process table shows too. */
static void look(struct proc_slot *slot, struct recycle_view *view)
{
	if (memory_read(&view->as, &view->rss))
		return; /* its size is not known now: no reason to replace it */
	atomic_store(&slot->rss_bytes, view->rss);
	atomic_store(&slot->vsz_bytes, view->as);
}

/* At most once a second, by whichever core comes first. */
static bool may_look(struct serve *s, uint64_t now_ms)
{
	uint64_t last = atomic_load(&s->looked_ms);
	return now_ms - last >= LOOK_MS && atomic_compare_exchange_strong(&s->looked_ms, &last, now_ms);
}

static void log_reason(const struct serve *s, enum recycle_reason reason, const struct recycle_view *view)
{
	int number = s->slot->number;
	switch (reason) {
	case RECYCLE_LIFETIME:
		uwsgi_log("worker %d lifetime reached, it was running for %llu second(s)\n", number,
			  (unsigned long long)(view->age_ms / 1000));
		break;
	case RECYCLE_REQUESTS:
		uwsgi_log("worker %d has answered %llu requests: its time is over\n", number,
			  (unsigned long long)view->requests);
		break;
	case RECYCLE_RSS:
	case RECYCLE_AS:
		uwsgi_log("worker %d has grown to %llu MB resident, %llu MB address space: its time is over\n", number,
			  (unsigned long long)(view->rss >> 20), (unsigned long long)(view->as >> 20));
		break;
	case RECYCLE_ASKED: /* who asked said why */
	case RECYCLE_NO:
		break;
	}
}

static void end_when_due(struct serve *s, const struct recycle_view *view)
{
	enum recycle_reason reason = recycle_why(s->recycle, view);
	if (reason == RECYCLE_NO || atomic_exchange(&s->worn, true))
		return;
	log_reason(s, reason, view);
	s->on_worn(s);
}

static struct recycle_view view_of(const struct serve *s, uint64_t now_ms)
{
	return (struct recycle_view){
		.number = s->slot->number,
		.age_ms = now_ms - s->born_ms,
		.requests = atomic_load(&s->slot->delta_requests),
		.max_requests = s->settings->max_requests,
		.asked = atomic_load(&s->slot->unwanted),
	};
}

void recycle_after_request(struct serve *s)
{
	int max = s->settings->max_requests;
	if (atomic_load_explicit(&s->worn, memory_order_relaxed))
		return;
	bool full = max && atomic_load_explicit(&s->slot->delta_requests, memory_order_relaxed) >= (uint64_t)max;
	bool sized = s->recycle->rss || s->recycle->as;
	if (!full && !sized && !atomic_load_explicit(&s->slot->unwanted, memory_order_relaxed))
		return;
	uint64_t now = uwsgi_now_ms();
	struct recycle_view view = view_of(s, now);
	if (sized && may_look(s, now))
		look(s->slot, &view);
	end_when_due(s, &view);
}

static void on_lifetime(struct uwsgi_timer *timer)
{
	struct serve *s = timer->data;
	struct recycle_view view = view_of(s, uwsgi_now_ms());
	end_when_due(s, &view);
}

int recycle_start(struct serve *s)
{
	const struct recycle_settings *settings = s->recycle;
	s->born_ms = uwsgi_now_ms();
	if (!settings->max_lifetime)
		return 0;
	s->lifetime = (struct uwsgi_timer){ .fn = on_lifetime, .data = s };
	return uwsgi_loop_timer(s->loop, &s->lifetime,
				recycle_limit((uint64_t)settings->max_lifetime * 1000,
					      (uint64_t)settings->max_lifetime_delta * 1000, s->slot->number));
}

/* ---- growing without end ---- */

bool recycle_is_evil(const struct recycle_settings *settings)
{
	return settings->evil_rss || settings->evil_as;
}

uint64_t recycle_watch(struct serve *s, uint64_t now_ms)
{
	if (!recycle_is_evil(s->recycle))
		return UINT64_MAX;
	struct recycle_view view = { 0 };
	look(s->slot, &view);
	bool rss = is_over(view.rss, s->recycle->evil_rss), as = is_over(view.as, s->recycle->evil_as);
	if (!rss && !as)
		return now_ms + LOOK_MS;
	uwsgi_log("*** EVIL RELOAD ON WORKER %d %s: %llu (pid: %d) ***\n", s->slot->number, rss ? "RSS" : "AS",
		  (unsigned long long)(rss ? view.rss : view.as), (int)getpid());
	kill(getpid(), SIGKILL);
	return now_ms + LOOK_MS;
}
