/* probe.h - does somebody answer at an address?  Asked again and again by connecting, in a loop.
 *
 * What counts is a change: it is taken for up until a connection fails or takes too long, then for down until one
 * succeeds.  While this process is out of descriptors or memory nothing is known. */
#ifndef KERNEL_PROBE_H
#define KERNEL_PROBE_H

#include <stdbool.h>
#include <uwsgi/loop.h>

struct probe;

struct probe_spec {
	const char *address; /* of uwsgi_connect, numeric: nothing waits for a resolver.  The caller's */
	int64_t period_ms;   /* from one answer to the next question */
	int64_t timeout_ms;  /* for an answer */
	bool down;	     /* what is known already */
};

/* It asks nothing before probe_start.  `changed` may not destroy it.  NULL: memory is out. */
struct probe *probe_create(struct uwsgi_loop *loop, const struct probe_spec *spec, void (*changed)(void *data, bool up),
			   void *data);
void probe_start(struct probe *p);
void probe_stop(struct probe *p);
void probe_destroy(struct probe **p);
bool probe_is_down(const struct probe *p);
/* In a child of the process that asks: forget the question on its way. */
void probe_close_inherited(const struct probe *p);

#endif
