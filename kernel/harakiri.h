/* harakiri.h - how long a request may run, and who sees to it. */
#ifndef KERNEL_HARAKIRI_H
#define KERNEL_HARAKIRI_H

#include "serve.h"

struct option_registry;

/* What the options set. */
struct harakiri_settings {
	int seconds; /* a request may run; 0: as long as it likes */
	bool verbose;
	bool no_arh; /* accepted, without effect */
};
/* Register the options.  The settings, or NULL when memory is out. */
struct harakiri_settings *harakiri_register(struct option_registry *options);

/* Of core->clock: when its request is due, and what was said about it.  0: the core has no deadline. */
enum {
	CLOCK_ANSWERED = 1u << 0, /* the head of the response has left */
	CLOCK_HELD = 1u << 1,	  /* the watchdog reads this request: its core must wait */
	CLOCK_LATE = 1u << 2,	  /* the watchdog has dealt with its client */
	CLOCK_SHIFT = 3,
};
static inline uint64_t clock_of(uint64_t due_ms)
{
	return due_ms << CLOCK_SHIFT;
}
static inline uint64_t clock_due_ms(uint64_t clock)
{
	return clock >> CLOCK_SHIFT;
}

/* Start the watchdog of a worker, if it is not there.  0 or a negative errno. */
int harakiri_start(struct serve *s);

/* The core begins a request. */
static inline void harakiri_begin(struct core *core)
{
	int seconds = core->serve->harakiri->seconds;
	if (!seconds)
		return;
	core->due_ms = uwsgi_now_ms() + (uint64_t)seconds * 1000;
	atomic_store_explicit(&core->clock, clock_of(core->due_ms), memory_order_release);
}

/* The head of its response is about to leave.  False: too late, the client was told. */
static inline bool harakiri_answer(struct core *core)
{
	if (!atomic_load_explicit(&core->clock, memory_order_relaxed))
		return true;
	return !(atomic_fetch_or(&core->clock, CLOCK_ANSWERED) & CLOCK_LATE);
}

/* The core is done with its request.  False: it was late, and its connection is of no use any more. */
bool harakiri_end(struct core *core);

#endif
