/* phase.h - the phases of the server's life at which an operator can have something done: hook-PHASE and its kin.
 *
 * Those that prepare the process (up to as-user) run once, when the server is started.  Those of an application run at
 * each loading, those of a process in each process, master-start in each image of the master. */
#ifndef KERNEL_PHASE_H
#define KERNEL_PHASE_H

enum phase {
	PHASE_ASAP,		/* [main] the configuration is read, nothing is done */
	PHASE_PRE_JAIL,		/* [main] before namespaces and root directory change */
	PHASE_POST_JAIL,	/* [main] afterwards; outside, when the server has a namespace of pids */
	PHASE_IN_JAIL,		/* [main] afterwards, inside */
	PHASE_AS_ROOT,		/* [main] before the sockets are bound and the user changes */
	PHASE_AS_USER,		/* [main] after the user changed */
	PHASE_AS_USER_EXIT,	/* [master] all others have ended */
	PHASE_PRE_APP,		/* [zygote], with lazy-apps [worker] */
	PHASE_POST_APP,		/* [zygote], with lazy-apps [worker] */
	PHASE_POST_FORK,	/* [worker] */
	PHASE_AS_GATEWAY,	/* the processes the master forks itself */
	PHASE_ACCEPTING,	/* [worker] it serves from now on */
	PHASE_ACCEPTING_1,	/* ... as number 1 */
	PHASE_ACCEPTING_ONCE,	/* ... not in place of one that ended */
	PHASE_ACCEPTING_1_ONCE, /* ... both */
	PHASE_MASTER_START,	/* [master] before it forks */
	PHASES,
};

struct phases;
struct option_registry;

/* Register the options.  NULL when memory is out. */
struct phases *phases_register(struct option_registry *options);

/* Do all that is to be done at this phase, in order.  0, or a negative errno after uwsgi_cause: what this process was
 * about to do must not go on.  In phases where nothing depends on it a failure is only logged. */
int phase_run(const struct phases *phases, enum phase phase);
/* The phases of a worker that begins to accept: its number, and whether it comes in place of another. */
void phase_run_accepting(const struct phases *phases, int number, int respawns);

#endif
