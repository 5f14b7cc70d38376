/* recycle.h - when a worker has served its time. */
#ifndef KERNEL_RECYCLE_H
#define KERNEL_RECYCLE_H

#include "serve.h"

struct option_registry;

/* What the options set, beside settings.max_requests. */
struct recycle_settings {
	int max_requests_delta;
	int min_lifetime; /* seconds */
	int max_lifetime, max_lifetime_delta;
	int64_t rss, as, evil_rss, evil_as; /* bytes; 0: no limit */
};
/* Register the options.  The settings, or NULL when memory is out. */
struct recycle_settings *recycle_register(struct option_registry *options);
/* After the options were applied.  0, or -EINVAL after logging why. */
int recycle_finish(const struct recycle_settings *settings);

/* What is known of a worker. */
struct recycle_view {
	int number;
	uint64_t age_ms;
	uint64_t requests; /* since it was forked */
	int max_requests;  /* 0: no limit */
	bool asked;	   /* somebody wants it replaced */
	uint64_t rss, as;  /* bytes; 0: not looked at now */
};

enum recycle_reason { RECYCLE_NO = 0, RECYCLE_ASKED, RECYCLE_REQUESTS, RECYCLE_LIFETIME, RECYCLE_RSS, RECYCLE_AS };

/* Why the worker should be replaced now. */
enum recycle_reason recycle_why(const struct recycle_settings *settings, const struct recycle_view *view);
/* A limit of worker `number`: that of all, plus its share of delta; without a delta plus up to a tenth, differently for
 * each, so that workers that began together do not end together. */
uint64_t recycle_limit(uint64_t limit, uint64_t delta, int number);

/* At the start of the worker, its loop is there. */
int recycle_start(struct serve *s);
/* After each request: ask for the end of the worker when it is due.  Costs nothing that was not configured. */
void recycle_after_request(struct serve *s);
/* [watchdog] Kill the process when it has an evil size.  When to look again, in monotonic ms; UINT64_MAX: never. */
uint64_t recycle_watch(struct serve *s, uint64_t now_ms);
/* Does the watchdog have to look? */
bool recycle_is_evil(const struct recycle_settings *settings);

#endif
