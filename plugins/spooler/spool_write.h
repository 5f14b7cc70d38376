/* spool_write.h - from a packet to a task in its directory. */
#ifndef SPOOL_WRITE_H
#define SPOOL_WRITE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "spool_file.h"

struct spool_spares;
struct spool_sync;

struct spool_target {
	const char *path;	     /* of the spooler */
	struct spool_sync *sync;     /* NULL: the task need not outlive the machine */
	struct spool_spares *spares; /* NULL: each task gets a new file */
	int64_t priority;	     /* -1: none */
	int64_t at;		     /* seconds of the epoch before which it does not run; -1: now */
};

/* Write a task aside, and put it in its place when it is whole; with a sync, return when it lasts.
 * 0 with its path, or a negative errno: then nothing is left - but when it was the sync that failed, the task may have
 * run meanwhile. */
int spool_write(const struct spool_target *target, const struct spool_packet *packet, struct uwsgi_str body,
		char path_r[PATH_MAX]);

#endif
