/* daemon.h - what the files of this plugin share. */
#ifndef DAEMON_H
#define DAEMON_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uwsgi.h>

/* One command to be kept alive.  Texts are valid for ever; NULL: not given. */
struct daemon_spec {
	const char *command;
	const char *pidfile; /* a smart daemon: it writes its pid here, and survives the server */
	const char *touch;   /* files, separated by blanks, whose change reloads it */
	const char *chdir, *uid, *gid;
	int freq;	   /* failed looks at the pidfile before it is started again */
	int stop_signal;   /* at the end of the server; 0: TERM, or none for a smart daemon */
	int reload_signal; /* at its reload; 0: as at its end, or none for a smart daemon */
	int max_throttle;  /* seconds; 0: the default */
	bool control;	   /* its death stops the server */
	bool honour_stdin;
	bool ns_pid; /* in a pid namespace of its own */
};

/* ---- daemon_spec.c: pure ---- */

/* "key=value,key=value", with "\," for a comma.  NULL, or what is wrong with it. */
const char *daemon_spec_parse(const char *text, struct daemon_spec *spec_r);
/* "PIDFILE COMMAND".  NULL, or what is wrong with it. */
const char *daemon_spec_parse_smart(const char *text, struct daemon_spec *spec_r);

/* What all processes know of a daemon; in shared memory. */
struct daemon_state {
	_Atomic pid_t group;	  /* process group of an attached command, to be ended with us; 0: none */
	_Atomic pid_t pid;	  /* of the command; 0: it is not there */
	_Atomic unsigned started; /* how often it was */
};

/* ---- daemon_policy.c: pure ---- */

/* How many seconds to wait before the next start of a daemon that lived `age_ms`; `deaths` is how often in a row it
 * died young, with this time. */
unsigned daemon_throttle(uint64_t age_ms, unsigned deaths, unsigned max);
bool daemon_died_young(uint64_t age_ms);

/* What a look at the pidfile of a smart daemon leads to. */
enum daemon_verdict { DAEMON_WATCH, DAEMON_LOOK_AGAIN, DAEMON_SPAWN };
struct daemon_look {
	bool alive;	       /* somebody has the pid of the pidfile */
	bool was_alive;	       /* at the look before */
	bool spawned;	       /* it was started by us at all */
	unsigned failed, freq; /* looks since the start, this one included; and how many are allowed */
};
enum daemon_verdict daemon_decide(const struct daemon_look *look);

/* ---- daemon_spawn.c ---- */

/* Start the command in a session of its own.  Its pid, 0 when it is nobody's child (a smart one), or a negative errno.
 */
pid_t daemon_spawn(const struct daemon_spec *spec);

/* ---- daemon_life.c ---- */

/* Keep the daemon alive until this process is told to end.  The exit status. */
int daemon_live(const struct daemon_spec *spec, struct daemon_state *state);

#endif
