/* spool_job.h - one task, open and locked, from its file to its end.
 *
 * A job serves one task after the other: begin with { .fd = -1 }, and destroy it in the end. */
#ifndef SPOOL_JOB_H
#define SPOOL_JOB_H

#include <time.h>

#include "spool_dir.h"
#include "spool_file.h"
#include "spool_policy.h"

struct spool_job {
	int fd; /* -1: none */
	const char *path;
	size_t most;	/* bytes of a task; 0: no limit */
	unsigned tries; /* failed before */
	bool marked;	/* there may be a count of failures */
	bool spare;	/* its file may be kept for another task */
	char *bytes;
	size_t len, room;
	struct spool_task task;
};

/* Why a task cannot be run now. */
enum spool_look {
	SPOOL_OPEN = 0, /* it can */
	SPOOL_GONE,
	SPOOL_EARLY,  /* its time has not come: *due_r */
	SPOOL_TAKEN,  /* somebody has it, or is writing it */
	SPOOL_TORN,   /* it is none */
	SPOOL_HUGE,   /* it is larger than the job may be */
	SPOOL_BROKEN, /* it cannot be read: errno */
};

/* Open, lock and read the task at `path`.  The job is to be closed after OPEN, TORN and HUGE. */
enum spool_look spool_job_open(struct spool_job *job, const struct spool_dir *dir, const char *path, int64_t now,
			       int64_t *due_r);
/* Read the task at the path of the job, from the current directory, and of its body what fits in `most` bytes with all
 * else; nothing of it changes.  0, or a negative errno: -EAGAIN when `locked_counts` and somebody has it, -EBADMSG when
 * it is none.  The job is to be closed in any case. */
int spool_job_read(struct spool_job *job, bool locked_counts, size_t most);
void spool_job_close(struct spool_job *job);
void spool_job_destroy(struct spool_job *job);
/* Let nobody run it before `due`.  0 or a negative errno. */
int spool_job_delay(const struct spool_job *job, int64_t due);
/* Do with it what was decided.  0 or a negative errno. */
int spool_job_end(struct spool_job *job, const struct spool_dir *dir, const struct spool_decision *decision);

#endif
