/* sources.h - the timers, crons and watched files of one generation, in the master; see uwsgi/source.h. */
#ifndef KERNEL_SOURCES_H
#define KERNEL_SOURCES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
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

/* Is it complete and possible? */
bool source_is_valid(const struct uwsgi_source *source);

/* Raises what `raise` is called with, which says 0 or why it could not.  `seen` is the minute cron has looked at,
 * shared by all generations: each minute is one generation's.  NULL: out of memory. */
struct sources *sources_create(struct uwsgi_loop *loop, unsigned generation, _Atomic int64_t *seen,
			       int (*raise)(void *data, uint8_t number), void *data);
/* A process that loads the application. */
struct source_loader {
	int place; /* the same for its successors, any other for others */
	pid_t pid;
};
/* One that is there already stays as it is.  `loader`: whose loading adds it; NULL: it is there as long as its
 * generation.  0, -EINVAL, or another negative errno. */
int sources_add(struct sources *s, const struct uwsgi_source *source, const struct source_loader *loader);
/* A loading is over.  What a predecessor's had added, this one's did not, and nobody else's either, is forgotten: each
 * of several workers may load for itself, and when one of them has new code the others still want what they had. */
void sources_loaded(struct sources *s, const struct source_loader *loader);
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
