/* spooler.h - what the files of this plugin share: which spoolers there are, and what the options say of them. */
#ifndef SPOOLER_H
#define SPOOLER_H

#include <stdatomic.h>
#include <uwsgi.h>

struct spool_figures;
struct spool_spares;
struct spool_sync;

struct spooler {
	const char *path; /* absolute */
	int processes;	  /* 0: the tasks are another server's to run */
	bool external;
	struct spool_sync *sync;
	struct spool_spares *spares;
	struct spool_figures *figures; /* of each process */
};

struct spooler_options {
	struct spooler *list;
	size_t count;
	int processes, frequency, max_tasks, harakiri, max_attempts;
	int64_t max_size;
	bool ordered, quiet, cheap, sync;
	const char *chdir;
	struct uwsgi_strings remote, touches;
	_Atomic int *frequency_set; /* for all processes; 0: as configured */
};

/* ---- spooler_plugin.c ---- */

const struct spooler_options *spooler_options(void);
/* Seconds between looks at a directory; negative: nobody looks after the start. */
int spooler_frequency(void);
/* Seconds until something is tried again: the frequency, or the default where nobody looks. */
int spooler_pause(void);
/* The spooler of the process with this number, which becomes that within the spooler, from 1. */
const struct spooler *spooler_of(int *number);

/* ---- spooler_enqueue.c: tasks that come in ---- */

/* Spool the texts and numbers of some maps.  0 with the path in the result, or -1 after uwsgi_fail. */
int spooler_enqueue(struct uwsgi_call *c, const struct uwsgi_value *const maps[], size_t count);

/* ---- spooler_api.c: functions for programs ---- */

int spooler_api_spool(struct uwsgi_call *c);
int spooler_api_set_frequency(struct uwsgi_call *c);
int spooler_api_jobs(struct uwsgi_call *c);
int spooler_api_pid(struct uwsgi_call *c);
int spooler_api_pids(struct uwsgi_call *c);
int spooler_api_get_task(struct uwsgi_call *c);
int spooler_api_i_am_the_spooler(struct uwsgi_call *c);

/* ---- spooler_stats.c: what was done ---- */

int spooler_api_stats(struct uwsgi_call *c);
int spooler_api_spoolers(struct uwsgi_call *c);
void spooler_stats(struct uwsgi_value *stats); /* [master] */

/* ---- spooler_remote.c: tasks that come over a socket, modifier1 17 ---- */

int spooler_request(struct uwsgi_request *req);

/* ---- spooler_life.c: the process that runs the tasks ---- */

int spooler_run(int number);
/* The task this process has in hand, below its directory; NULL: none, or this is no spooler. */
const char *spooler_task_in_hand(void);

/* ---- spooler_handler.c: the handlers of the program ---- */

struct spool_job;

/* Run the task.  The answer of its handler, or this one after a traceback was logged. */
#define SPOOLER_RAISED INT64_MIN
int64_t spooler_handle(const struct spool_job *job);
/* Put the task into a map as programs see it, under that name; its texts are the job's, or copies.  0, or -1: memory is
 * out. */
int spooler_describe(const struct spool_job *job, const char *name, struct uwsgi_value *map, bool copies);

/* ---- spooler_command.c: --spool-list and its kin ---- */

int spooler_command_list(const char *key, const char *value, void *data);
int spooler_command_retry(const char *key, const char *value, void *data);
int spooler_command_purge(const char *key, const char *value, void *data);

#endif
