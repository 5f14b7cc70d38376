/* sources.h - the timers, crons and watched files of one generation, in the master; see uwsgi/source.h. */
#ifndef KERNEL_SOURCES_H
#define KERNEL_SOURCES_H

#include <stdatomic.h>
#include <uwsgi/loop.h>
#include <uwsgi/source.h>

struct handover;
struct sources;

/* Raises what `raise` is called with.  `seen` is the minute cron has looked at, shared by all generations: each minute
 * is one generation's.  NULL: out of memory. */
struct sources *sources_create(struct uwsgi_loop *loop, unsigned generation, _Atomic int64_t *seen,
			       void (*raise)(void *data, uint8_t number), void *data);
/* 0, -EINVAL, or another negative errno after logging why. */
int sources_add(struct sources *s, const struct uwsgi_source *source);
/* Forget all: the application that added them is loaded anew. */
void sources_clear(struct sources *s);
/* Its generation serves; or does no more. */
void sources_start(struct sources *s);
void sources_stop(struct sources *s);
void sources_destroy(struct sources **s);
/* Descriptor only the master may hold, -1: none. */
int sources_fd(const struct sources *s);

/* For the master's next image, and from the one before. */
int sources_keep(const struct sources *s, struct handover *handover);
void sources_claim(struct sources *s, struct handover *handover);

#endif
