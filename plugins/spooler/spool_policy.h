/* spool_policy.h - what follows when a task was tried.  Pure: time is an argument. */
#ifndef SPOOL_POLICY_H
#define SPOOL_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* What a handler answers. */
enum { SPOOL_OK = -2, SPOOL_RETRY = -1, SPOOL_IGNORE = 0 };

#define SPOOL_BACKOFF_MAX_S 3600

enum spool_outcome {
	SPOOL_DONE,   /* it was handled */
	SPOOL_ASKED,  /* its handler wants to see it again, or nobody took it */
	SPOOL_RAISED, /* its handler failed */
	SPOOL_DIED,   /* its process ended before it did */
};

enum spool_action { SPOOL_DELETE, SPOOL_KEEP, SPOOL_BURY };

struct spool_decision {
	enum spool_action action;
	unsigned tries; /* failed so far */
	int64_t due;	/* of what is kept */
};

/* `tries` failed before this time; at most `max` do, 0: any number.  `frequency` is how often tasks are looked for. */
struct spool_decision spool_decide(enum spool_outcome outcome, unsigned tries, unsigned max, int64_t frequency,
				   int64_t now);
/* Is it too early for a task whose file was modified and changed (st_mtim, st_ctim) at these seconds?  A time ahead of
 * that of its change was set, and is meant; any other is a clock's that was put back since. */
bool spool_is_early(int64_t modified, int64_t changed, int64_t now);
/* A task that cannot be looked into (somebody has it, or it is being written): how many seconds until the next look. */
int64_t spool_look_again(unsigned looks, int64_t frequency);

#endif
