/* rehearsal.h - would the server start as it is configured now?  Tried in a child, which does everything a start does
 * up to its sockets and then leaves: what is wrong with an edited configuration is found while the old one serves. */
#ifndef KERNEL_REHEARSAL_H
#define KERNEL_REHEARSAL_H

#include "kernel.h"

#include <uwsgi/loop.h>

struct rehearsal {
	pid_t pid;     /* 0: none is under way */
	int output_fd; /* what it logs */
	struct uwsgi_timer deadline;
};

enum rehearsed {
	REHEARSED_GOOD,
	REHEARSED_BAD,	   /* the cause is set */
	REHEARSED_UNKNOWN, /* the program could not be started again at all; the cause is set */
};

/* Begin.  0 or -errno.  [master] */
int rehearsal_begin(struct rehearsal *r, struct kernel *k);
/* Its child ended.  What it logged is logged when it was bad. */
enum rehearsed rehearsal_end(struct rehearsal *r, struct kernel *k, int wstatus);
/* The server ends: so does the rehearsal. */
void rehearsal_cancel(struct rehearsal *r, struct kernel *k);

#endif
