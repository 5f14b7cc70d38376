/* spool_dir.h - the directory of a spooler.
 *
 *     DIR/uwsgi_spoolfile_on_...     tasks
 *     DIR/7/uwsgi_spoolfile_on_...   tasks of a priority
 *     DIR/dead/                      tasks that failed too often, and what only looked like a task
 *     DIR/.state/                    ours: files being written, counts of failures, tasks in hand
 *
 * uWSGI 2.0 looks at tasks and priorities only, so both servers can share a directory. */
#ifndef SPOOL_DIR_H
#define SPOOL_DIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SPOOL_STATE ".state"
#define SPOOL_DEAD "dead"
/* Names in the state: a task on its way, the failures of a task, the task a process has in hand. */
#define SPOOL_NEW "new_"
#define SPOOL_TRIES "tries_"
#define SPOOL_HAND "hand_"

/* Make the directory and what belongs to it, for its future owner (-1: who runs this).  0 or a negative errno. */
int spool_dir_make(const char *path, uid_t uid, gid_t gid);

struct spool_spares;
struct spool_dir {
	const char *path;
	struct spool_spares *spares; /* set by the owner; NULL: files of done tasks are removed */
	int fd, state;		     /* -1: not open */
	uid_t uid;		     /* who opened it */
};
int spool_dir_open(struct spool_dir *dir_r, const char *path);
void spool_dir_close(struct spool_dir *dir);
/* Is an open directory no longer that of its path, or without its state?  It may have been removed, and made again. */
bool spool_dir_is_gone(const struct spool_dir *dir);

/* Call `task` for each task (its path below the directory) and `priority` for each directory of priority.  0 or a
 * negative errno. */
struct spool_scan {
	void (*task)(const char *path, void *data);
	void (*priority)(const char *name, void *data); /* may be NULL */
	void *data;
};
int spool_dir_scan(const struct spool_dir *dir, const struct spool_scan *scan);
/* Call `found` for each name in the state that begins with `prefix`. */
int spool_dir_each_state(const struct spool_dir *dir, const char *prefix, void (*found)(const char *name, void *data),
			 void *data);
/* Remove what writers that died left aside before `then`, in seconds of the epoch: nobody was told that it is a task.
 */
void spool_dir_sweep(const struct spool_dir *dir, int64_t then);
/* Call `found` for each name among the dead. */
int spool_dir_each_dead(const struct spool_dir *dir, void (*found)(const char *name, void *data), void *data);

/* Lay a task among the dead, and take one back ("" or "7/" before its name).  0 or a negative errno. */
int spool_dir_bury(const struct spool_dir *dir, const char *path);
int spool_dir_raise(const struct spool_dir *dir, const char *name, const char *priority);

/* The lock of a task: whoever has it works on it.  It ends with the last descriptor of this open file, and is seen by
 * uWSGI 2.0.  0 or -EAGAIN: somebody else has it.  `fd` is open for writing. */
int spool_lock(int fd);
/* Does somebody have it?  `fd` is open for reading. */
bool spool_locked(int fd);

/* The part of a path behind its priority. */
const char *spool_base(const char *path);

#endif
