/* cheaper.h - how many workers are worth having: pure decisions, once a cycle of a second.
 *
 * The algorithms and their options are those of uWSGI 2.0, plugins included. */
#ifndef KERNEL_CHEAPER_H
#define KERNEL_CHEAPER_H

#include <stdbool.h>
#include <stdint.h>

enum cheaper_algorithm { CHEAPER_SPARE, CHEAPER_BACKLOG, CHEAPER_BUSYNESS, CHEAPER_MANUAL, CHEAPER_ALGORITHMS };
extern const char *const cheaper_names[CHEAPER_ALGORITHMS];

struct cheaper_rules {
	enum cheaper_algorithm algorithm;
	int min, max;
	int step;		     /* workers started at once */
	int overload;		     /* spare: cycles; backlog: connections; busyness: seconds of a window */
	uint64_t rss_soft, rss_hard; /* bytes of all workers: none more from here, fewer from here; 0: no limit */
	/* busyness, in percent */
	int busy_max, busy_min;
	int idle_windows;  /* below busy_min, before one ends */
	int penalty;	   /* windows more, when one was started soon after one had ended */
	int backlog_alert; /* connections that start workers at once */
};

/* What is seen in this cycle. */
struct cheaper_view {
	int up;		  /* workers there are, those that are starting included */
	int ready;	  /* of those, how many accept */
	int busy;	  /* of those, how many have no core free */
	int backlog;	  /* connections nobody accepted yet */
	uint64_t busy_us; /* time all workers together have spent on requests since their start */
	uint64_t cores;	  /* of all workers */
	uint64_t rss;	  /* bytes of all workers; 0: unknown */
};

/* What is remembered between cycles; zero at first. */
struct cheaper_memory {
	int busy_cycles, quiet_cycles;
	int window_cycles, idle_windows, extra_windows;
	int since_shrunk; /* cycles since one was ended; 0: none was */
	uint64_t window_busy_us;
};

/* Workers to start (> 0), to end (-1), or 0. */
int cheaper_decide(const struct cheaper_rules *rules, struct cheaper_memory *memory, const struct cheaper_view *view);

#endif
