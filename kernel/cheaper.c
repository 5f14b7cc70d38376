/* cheaper.c - see cheaper.h. */
#include "cheaper.h"

const char *const cheaper_names[CHEAPER_ALGORITHMS] = {
	[CHEAPER_SPARE] = "spare",
	[CHEAPER_BACKLOG] = "backlog",
	[CHEAPER_BUSYNESS] = "busyness",
	[CHEAPER_MANUAL] = "manual",
};

/* All were busy for some cycles: more.  One more than needed was idle for as long: one less. */
static int spare(const struct cheaper_rules *r, struct cheaper_memory *m, const struct cheaper_view *v)
{
	bool all_busy = v->busy >= v->ready, one_to_spare = v->busy + 1 < v->ready;
	m->busy_cycles = all_busy ? m->busy_cycles + 1 : 0;
	m->quiet_cycles = one_to_spare ? m->quiet_cycles + 1 : 0;
	if (m->busy_cycles > r->overload) {
		m->busy_cycles = 0;
		return r->step;
	}
	if (m->quiet_cycles >= r->overload) {
		m->quiet_cycles = 0;
		return -1;
	}
	return 0;
}

static int backlog(const struct cheaper_rules *r, struct cheaper_memory *m, const struct cheaper_view *v)
{
	(void)m;
	if (v->backlog > r->overload)
		return r->step;
	return v->backlog == 0 && v->busy + 1 < v->ready ? -1 : 0;
}

/* In each window of `overload` seconds: which part of its time was a core busy? */
static int busyness(const struct cheaper_rules *r, struct cheaper_memory *m, const struct cheaper_view *v)
{
	if (m->since_shrunk)
		m->since_shrunk++;
	if (r->backlog_alert && v->backlog > r->backlog_alert)
		return r->step;
	if (++m->window_cycles < r->overload)
		return 0;
	uint64_t spent = v->busy_us > m->window_busy_us ? v->busy_us - m->window_busy_us : 0;
	uint64_t there = (uint64_t)m->window_cycles * 1000000 * (v->cores ? v->cores : 1);
	int percent = (int)(spent * 100 / there);
	m->window_cycles = 0;
	m->window_busy_us = v->busy_us;
	if (percent > r->busy_max) {
		/* it was too early to have one less: wait longer the next time */
		if (m->since_shrunk && m->since_shrunk <= r->overload * 2)
			m->extra_windows += r->penalty;
		m->idle_windows = 0;
		return r->step;
	}
	m->idle_windows = percent < r->busy_min ? m->idle_windows + 1 : 0;
	if (m->idle_windows < r->idle_windows + m->extra_windows)
		return 0;
	m->idle_windows = 0;
	m->since_shrunk = 1;
	return -1;
}

static int manual(const struct cheaper_rules *r, struct cheaper_memory *m, const struct cheaper_view *v)
{
	(void)r;
	(void)m;
	(void)v;
	return 0;
}

static int (*const algorithms[CHEAPER_ALGORITHMS])(const struct cheaper_rules *, struct cheaper_memory *,
						   const struct cheaper_view *) = {
	[CHEAPER_SPARE] = spare,
	[CHEAPER_BACKLOG] = backlog,
	[CHEAPER_BUSYNESS] = busyness,
	[CHEAPER_MANUAL] = manual,
};

int cheaper_decide(const struct cheaper_rules *rules, struct cheaper_memory *memory, const struct cheaper_view *view)
{
	int more = algorithms[rules->algorithm](rules, memory, view);
	if (view->ready < view->up)
		return 0; /* those that are starting may be enough */
	if (rules->rss_hard && view->rss > rules->rss_hard)
		more = -1;
	else if (more > 0 && rules->rss_soft && view->rss > rules->rss_soft)
		more = 0;
	if (more > rules->max - view->up)
		more = rules->max - view->up;
	if (view->up + more < rules->min)
		more = view->up < rules->min ? rules->min - view->up : 0;
	return more;
}
