/* flock.h - files on which the server holds a lock from its start to its end, reloads included: `flock` and its kin.
 *
 * The lock is of the server, not of one process: whoever it forks holds it too, so it is free when the last of them is
 * gone, and not before. */
#ifndef KERNEL_FLOCK_H
#define KERNEL_FLOCK_H

#include <stdbool.h>

struct handover;
struct option_registry;

int flock_register(struct option_registry *options);

enum flock_when {
	FLOCK_FIRST,  /* first thing of a start */
	FLOCK_LATER,  /* when the log is open and the terminal left */
	FLOCK_RELOAD, /* all: those the image before held, and what is new; a server that answers waits for none */
};
/* Take those whose time has come.  0, or -errno after the cause was said.  [main] */
int flock_take(struct handover *handover, enum flock_when when);

#endif
