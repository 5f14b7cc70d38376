/* attendant.h - while every core of a worker is at a long request, what its other clients ask goes to other workers.
 *
 * A kept connection belongs to the worker that accepted it.  Without this, a request on it would wait behind whatever
 * that worker does, while others are idle. */
#ifndef KERNEL_ATTENDANT_H
#define KERNEL_ATTENDANT_H

#include "serve.h"

/* Start the attendant of a worker that has others beside it; that there is no thread for it is logged. */
void attendant_start(struct serve *s);
void attendant_wake(struct serve *s);

/* A core begins a request: from now on somebody has to look. */
static inline void attendant_begin(struct serve *s)
{
	if (atomic_load_explicit(&s->attendant_sleeps, memory_order_relaxed))
		attendant_wake(s);
}

/* Connections the attendant had in its hands when something happened to them; they are the caller's. */
static inline struct conn *attendant_returned(struct serve *s)
{
	if (!atomic_load_explicit(&s->returned, memory_order_relaxed))
		return NULL;
	return atomic_exchange(&s->returned, NULL);
}

#endif
