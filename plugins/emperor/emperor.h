/* emperor.h - what the files of this plugin share. */
#ifndef EMPEROR_H
#define EMPEROR_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>
#include <uwsgi.h>

/* What the options say; the same for every vassal. */
struct emperor_options {
	struct uwsgi_strings watch; /* directories and patterns */
	struct uwsgi_strings extensions;
	struct uwsgi_strings include_before, inherit_before, set, include, inherit;
	struct uwsgi_strings wrapper_override, wrapper_fallback;
	const char *wrapper, *start_hook, *stop_hook, *pidfile, *procname, *stats;
	const char *demand_extension, *demand_directory, *demand_exec;
	int freq, heartbeat, curse_tolerance; /* seconds */
	int throttle_ms, max_throttle_ms;
	bool tyrant, tyrant_nofollow, tyrant_initgroups, nofollow, no_blacklist;
	const char *binary; /* of this server */
};

/* ---- emperor_source.c: where vassals come from ---- */

struct source {
	const char *path;
	bool is_glob;
};
/* "DIR", "dir://DIR", "PATTERN" or "glob://PATTERN".  NULL, or what is wrong with it.  Pure. */
const char *source_parse(const char *text, struct source *source_r);

/* The option that reads a file of this name, "--ini"; NULL: it is no vassal.  Pure. */
const char *source_format(const char *name, const struct uwsgi_strings *extensions);

/* What a file is known by.  When any of it changes, the vassal does. */
struct file_mark {
	struct timespec mtime;
	ino_t inode;
	uid_t uid;
	gid_t gid;
};
struct found {
	const char *path;
	const char *dir;  /* the vassal's working directory; NULL: ours */
	const char *name; /* of the file, as seen from there */
	const char *format;
	struct file_mark mark;
};
/* Call `fn` for each vassal of the source.  0, or a negative errno: what is there cannot be known. */
int source_scan(const struct source *source, const struct emperor_options *options,
		void (*fn)(const struct found *found, void *data), void *data);

/* ---- emperor_policy.c: pure ---- */

/* How a vassal's life ended. */
struct vassal_end {
	bool ready, loyal; /* it was, in this life */
	uint64_t age_ms;
	unsigned deaths; /* young ones in a row before this one */
};
/* Milliseconds until it is started again; *deaths_r counts this one. */
uint64_t policy_delay(const struct vassal_end *end, uint64_t step_ms, uint64_t max_ms, unsigned *deaths_r);
/* May a vassal run as the owner of its file?  "invalid permissions" otherwise. */
bool policy_may_rule(uid_t uid, gid_t gid);
/* Was the last heartbeat (0: there was none yet) too long ago? */
bool policy_heart_stopped(uint64_t last_ms, uint64_t now_ms, int seconds);

/* ---- emperor_argv.c: pure ---- */

/* The command line of a vassal, ended by NULL, in memory for free(); its texts are borrowed.  NULL: memory is out. */
const char **vassal_argv(const struct emperor_options *options, const char *program, const char *format,
			 const char *name);

/* ---- emperor_demand.c: sockets whose first connection starts a vassal ---- */

/* The address the options have for the vassal, for free(); NULL: it is started at once. */
char *demand_address(const struct emperor_options *options, const char *path, const char *name);
/* Bind and listen.  `mode` is that of a unix socket's file, 0: what chmod-socket says.  A descriptor or a negative
 * errno. */
int demand_bind(const char *address, const struct file_mark *owner, mode_t mode);
/* Close it and remove its file. */
void demand_close(int fd, const char *address);

/* ---- emperor_spawn.c ---- */

struct vassal_order {
	const struct emperor_options *options;
	const char *dir, *name, *format;
	uid_t uid; /* under a tyrant */
	gid_t gid;
	int demand_fd; /* becomes its standard input; -1: none */
};
/* Start the program.  Its pid and our end of its line, or a negative errno. */
pid_t vassal_spawn(const struct vassal_order *order, int *line_r);
/* Run a hook with the vassal's name, and wait for it or not. */
void vassal_hook(const char *command, const char *name, bool wait);

/* ---- emperor_list.c: all of them; one is in emperor_vassal.c ---- */

#define VASSAL_STOP_MS 90000 /* a vassal gives its own workers 60 s to finish */

struct vassals {
	const struct emperor_options *options;
	pid_t emperor;
	struct vassal *first; /* the list */
};
/* A scan found the file: a vassal is born, or changes.  `source` is the index of where. */
void vassals_found(struct vassals *all, const struct found *found, int source);
/* The scan of a source is over: those it did not find are to end. */
void vassals_scanned(struct vassals *all, int source);
/* What happens by the passing of time: heartbeats that are missing. */
void vassals_check(struct vassals *all);
/* End them all, and return when the last is gone. */
void vassals_end(struct vassals *all);

/* ---- emperor_stats.c ---- */

/* Tell whoever connects to `address` of all vassals.  0 or a negative errno. */
int stats_open(struct uwsgi_watch *watch, const char *address, struct vassals *all);

/* ---- emperor_run.c ---- */

int emperor_run(const struct emperor_options *options, const struct source *sources, size_t count);

#endif
