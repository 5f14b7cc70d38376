/* crew.h - the processes of the server, as the master keeps them: ordered, announced, replaced, told to end, buried.
 *
 * The crew does what it is told and what proc_policy.c says of a death.  When something changed that may decide a
 * reload or a stop, it tells its leader, the master. */
#ifndef KERNEL_CREW_H
#define KERNEL_CREW_H

#include "generation.h"
#include "proc.h"

#define GENERATIONS 4 /* the one that serves, the one that will, and those that finish their last requests */
#define OWN_FDS_MAX 8

struct source_loader;

struct crew {
	struct kernel *k;
	struct generation generations[GENERATIONS];
	unsigned newest;	  /* number of the latest generation */
	bool ending;		  /* the server stops: nobody is replaced */
	bool fast;		  /* ... and nobody finishes its requests */
	int workers;		  /* how many of the serving kind are wanted now, see cheaper.c */
	int own_fds[OWN_FDS_MAX]; /* what only the master may hold: closed in its children */
	int own_count;
	struct uwsgi_timer mercy;
	/* What the leader is told.  `g` may be NULL: it is not about one generation. */
	void (*changed)(struct crew *crew, struct generation *g);
	void (*failed)(struct crew *crew, struct generation *g, int status); /* it cannot be started */
};

void crew_init(struct crew *crew, struct kernel *k);
/* A descriptor only the master may hold. */
void crew_own_fd(struct crew *crew, int fd);

/* ---- generations ---- */

/* Begin the next generation: its zygote is forked, its processes follow when the application is loaded.  0 or -errno.
 */
int crew_begin(struct crew *crew, struct generation **g_r);
struct generation *crew_generation(struct crew *crew, unsigned number);
/* The newest that serves; NULL: none does. */
struct generation *crew_serving(struct crew *crew);
/* Is there room for one more generation? */
bool crew_has_room(const struct crew *crew);
/* One that is on its way to serve; NULL: none. */
struct generation *crew_coming(struct crew *crew);
/* Start the zygote of a generation that has none.  0 or -errno. */
int crew_start_zygote(struct crew *crew, struct generation *g);
/* The same after a pause, and again until it succeeds. */
void crew_zygote_later(struct crew *crew, struct generation *g, uint64_t delay_ms);
/* No more orders: its zygote ends, or is killed. */
void crew_close_line(struct crew *crew, struct generation *g);
/* The same, and tell all its processes to end, finishing their requests unless `fast`. */
void crew_retire(struct crew *crew, struct generation *g, bool fast);
int crew_zygotes(const struct crew *crew);
/* Take over the generations of the image before this one.  0 or -ENOMEM. */
int crew_claim(struct crew *crew);
/* Keep them for the next one; and what becomes of that when there is none. */
int crew_keep(struct crew *crew);
void crew_drop_kept(struct crew *crew);

/* The signal bus and the sources of a generation; see crew_signals.c.  One source that is not possible is logged.  0 or
 * -errno. */
int crew_signals_open(struct crew *crew, struct generation *g);
int crew_signals_claim(struct crew *crew, struct generation *g);
void crew_signals_add(struct generation *g, const struct uwsgi_source *source, const struct source_loader *loader);
void crew_signals_close(struct crew *crew, struct generation *g);

/* ---- processes ---- */

/* Call fn for each live process of a generation (0: of all).  Returns how many there are; fn may be NULL. */
int crew_each(struct crew *crew, unsigned generation, void (*fn)(struct crew *crew, struct proc_slot *slot, int arg),
	      int arg);
/* Is there never more than one process of a number of that kind? */
bool crew_is_single(struct crew *crew, int kind);
/* How many processes of a kind are wanted. */
int crew_wanted(const struct crew *crew, int kind);
/* The process that is up, or about to be, and not leaving.  NULL: none. */
struct proc_slot *crew_find(struct crew *crew, int kind, int number, unsigned generation);
/* Order one process.  `before` (may be NULL) is the one it follows; with `replace` that one serves until it is ready.
 */
void crew_start(struct crew *crew, int kind, int number, struct generation *g, struct proc_slot *before, bool replace);
/* Start whatever of a generation is not there. */
void crew_start_missing(struct crew *crew, struct generation *g);
/* Start a successor, and tell the process to end when that one is ready. */
void crew_replace(struct crew *crew, struct proc_slot *slot);
/* Tell a process to end: `arg` is the signal.  It is killed when its time is over.  For crew_each, too. */
void crew_stop(struct crew *crew, struct proc_slot *slot, int arg);
/* Set the clock by which those who do not end are killed: some were told to by the image before this one. */
void crew_mercy(struct crew *crew);
/* A process that ended, or could not be forked. */
void crew_bury(struct crew *crew, struct proc_slot *slot, int wstatus);
/* One the master itself could not fork: it tries again after a pause. */
void crew_not_forked(struct crew *crew, struct proc_slot *slot, int error);
/* A child that ended.  False: it is none of the crew. */
bool crew_buried(struct crew *crew, pid_t pid, int wstatus);
/* Forget generations of which nobody is left. */
void crew_forget(struct crew *crew);

#endif
