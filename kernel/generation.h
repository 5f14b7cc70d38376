/* generation.h - one loading of the configuration and the application: its zygote, and the line to its processes.
 *
 * Processes the zygote forks and gateways the master forks itself talk to the master over one datagram socket. */
#ifndef KERNEL_GENERATION_H
#define KERNEL_GENERATION_H

#include "kernel.h"

#include <uwsgi/loop.h>

struct crew;
struct sources;

struct generation {
	struct crew *crew;	       /* whose it is */
	unsigned number;	       /* 0: not in use */
	pid_t zygote;		       /* 0: none */
	uint64_t zygote_ms;	       /* monotonic, when it was forked */
	unsigned zygote_crashes;       /* young deaths in a row, see proc_policy */
	struct uwsgi_timer zygote_due; /* the next one is forked */
	bool needs_zygote;	       /* some of its processes come from one */
	bool loaded;		       /* its application is */
	bool serving;		       /* all its processes were ready once */
	bool retiring;		       /* told to end */
	bool chained;		       /* takes over worker by worker */
	int chain_at;		       /* ... up to the one of this number */
	uint64_t kill_ms;	       /* monotonic, when a retiring zygote is killed; 0: it is not */
	bool brutal;		       /* its predecessors do not finish their requests */
	struct signal_bus *bus;
	struct sources *sources;
	int child_fd;		  /* the processes' end of the control socket; -1 when closed */
	struct uwsgi_watch watch; /* the master's end; fd -1 when closed */
};

/* Open the control socket; on_message is called with `g` when there is something to read.  0 or -errno.  [master] */
int generation_open(struct kernel *k, struct generation *g, void (*on_message)(struct uwsgi_watch *, unsigned));
/* Fork the zygote.  Its child calls `in_child` first: what only the master may hold is closed there.  0 or -errno. */
int generation_fork_zygote(struct kernel *k, struct generation *g, void (*in_child)(void *), void *data);
/* The next message of its processes.  False: there is none now. */
bool generation_receive(struct kernel *k, struct generation *g, struct message *message_r);
/* Order the process of a slot from the zygote.  0 or -errno. */
int generation_order(const struct generation *g, int slot);
/* Its zygote died: what it did not read is not for the next one. */
void generation_drop_orders(const struct generation *g);
/* No more orders: its zygote ends. */
void generation_close(struct kernel *k, struct generation *g);

/* Keep for the master's next image, and take from the one before: the next of those kept, false when there is none. */
int generation_keep(struct kernel *k, const struct generation *g);
void generation_drop_kept(struct kernel *k, const struct generation *g);
bool generation_claim(struct kernel *k, struct generation *g, void (*on_message)(struct uwsgi_watch *, unsigned));

#endif
