/* emperor_vassal.h - one vassal, for the files that keep them. */
#ifndef EMPEROR_VASSAL_H
#define EMPEROR_VASSAL_H

#include "emperor.h"

enum vassal_state {
	WAITING, /* no process: a timer runs until the next start, or a connection is waited for */
	RUNNING, /* its process is there; a timer runs when its line is closed */
	ENDING,	 /* it was told to end; a timer runs until it is killed */
	RESTING, /* it said goodbye, or may not be started: the next change of its file wakes it */
};

/* Invariant: pid is not 0 while RUNNING and ENDING, and 0 otherwise. */
struct vassal {
	struct vassal *next;
	struct vassals *all;
	char *path, *dir, *name;
	const char *format;
	struct file_mark mark;
	int source;
	bool seen; /* by the scan under way */
	bool gone; /* its file is */
	enum vassal_state state;

	/* this life of it */
	pid_t pid;
	uint64_t started_ms, beat_ms;
	bool ready, loyal, leaving;
	unsigned deaths; /* young ones, in a row */
	unsigned lives;
	time_t first_run, last_run;
	struct uwsgi_watch line, end; /* fd -1: closed */
	struct uwsgi_timer timer;

	/* on demand */
	char *address;		 /* NULL: it is started without */
	struct uwsgi_watch door; /* fd -1: not bound */
	bool door_watched;
};

/* Born of a file, and not started yet.  NULL: memory is out. */
struct vassal *vassal_create(struct vassals *all, const struct found *found, int source);
/* Start it, or wait for its first connection. */
void vassal_arm(struct vassal *v);
/* Its file changed, or is gone; it may be forgotten by the latter. */
void vassal_change(struct vassal *v, const struct file_mark *mark);
void vassal_lose_file(struct vassal *v);
/* What happens by the passing of time; it may be forgotten by it. */
void vassal_check(struct vassal *v);
/* Tell it to end, when all do; what it left is cleaned up by the others. */
void vassal_say_stop(struct vassal *v);
void vassal_bury(struct vassal *v, int status);
/* One without a process leaves the list. */
void vassal_forget(struct vassal *v);

#endif
