/* sources.h - the timers, crons and watched files of one generation, in the master; see uwsgi/source.h. */
#ifndef KERNEL_SOURCES_H
#define KERNEL_SOURCES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uwsgi/loop.h>
#include <uwsgi/source.h>

struct handover;
struct sources;

/* How it went for one of them so far. */
struct source_record {
	uint64_t runs, failures; /* the signal was raised; or it was refused */
	uint64_t last_us;	 /* of the epoch, the last of both; 0: never */
	uint64_t next_us;	 /* when it is due; 0: it is not, or nobody knows */
	int64_t left;		 /* TIMER: how often still; -1: for ever */
};

/* Raises what `raise` is called with, which says 0 or why it could not.  `seen` is the minute cron has looked at,
 * shared by all generations: each minute is one generation's.  NULL: out of memory. */
struct sources *sources_create(struct uwsgi_loop *loop, unsigned generation, _Atomic int64_t *seen,
			       int (*raise)(void *data, uint8_t number), void *data);
/* One that is there already stays as it is.  `loaded`: the loading of the application adds it, not one of the
 * processes. 0, -EINVAL, or another negative errno. */
int sources_add(struct sources *s, const struct uwsgi_source *source, bool loaded);
/* The application is loaded anew, and that is over: what its loading did not add again is forgotten. */
void sources_renew(struct sources *s);
void sources_renewed(struct sources *s);
/* Its generation serves; or does no more. */
void sources_start(struct sources *s);
void sources_stop(struct sources *s);
void sources_destroy(struct sources **s);
/* Call fn for each, in the order they were added. */
void sources_each(const struct sources *s,
		  void (*fn)(const struct uwsgi_source *source, const struct source_record *record, void *data),
		  void *data);
/* In a child of the master: close what only the master may hold. */
void sources_close_inherited(const struct sources *s);

/* For the master's next image, and from the one before. */
int sources_keep(const struct sources *s, struct handover *handover);
void sources_claim(struct sources *s, struct handover *handover);

#endif
