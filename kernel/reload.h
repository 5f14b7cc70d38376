/* reload.h - from "reload" to a verdict.
 *
 *   asked ─► rehearsal in a child ─► execve of the next image ─► next generation beside the old one ─► verdict
 *                    │ bad                                                    │ cannot be started
 *                    └──────────────► the old one keeps serving ◄─────────────┘
 *
 * Asked for again while one is under way, it is done once more after it: what changed meanwhile is not missed. */
#ifndef KERNEL_RELOAD_H
#define KERNEL_RELOAD_H

#include "crew.h"
#include "rehearsal.h"

enum reload_how {
	RELOAD_GRACEFUL, /* the old processes finish their requests */
	RELOAD_BRUTAL,	 /* they do not */
	RELOAD_CHAIN,	 /* worker by worker */
};

struct notify;

struct reload {
	struct crew *crew;
	enum reload_how how;
	bool under_way;
	bool again;
	enum reload_how again_how;
	struct rehearsal rehearsal;
	struct uwsgi_timer deadline; /* for the application to be loaded */
	struct notify *notify;
	/* Everything else the next image needs is kept by this.  False: not now after all. */
	bool (*before_exec)(void *data);
	void *data;
};

void reload_init(struct reload *r, struct crew *crew, struct notify *notify, bool (*before_exec)(void *data),
		 void *data);
/* The first generation of this server, or, in an image that was handed a server, the one it was started for.
 * 0 or -errno. */
int reload_begin(struct reload *r);
void reload_ask(struct reload *r, enum reload_how how);
/* Something changed in the crew; for its leader to pass on.  True: a generation has just taken over. */
bool reload_changed(struct reload *r, struct generation *g);
/* A generation cannot be started.  False: no other serves, the server cannot go on. */
bool reload_failed(struct reload *r, struct generation *g);
/* A child that ended: true when it was the rehearsal. */
bool reload_rehearsed(struct reload *r, pid_t pid, int wstatus);
void reload_cancel(struct reload *r);

#endif
