/* proc_policy.h - what to do about a process that ended.  Pure decisions; time is an argument. */
#ifndef KERNEL_PROC_POLICY_H
#define KERNEL_PROC_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* Exit statuses with a meaning between the processes of the server. */
enum {
	EXIT_CANNOT_START = 1, /* the configuration or the machine does not allow it */
	EXIT_APP_FAILED = 22,  /* the application could not be loaded */
	EXIT_RECYCLE = 17,     /* served its time: replace it at once */
};

#define POLICY_YOUNG_MS 1000  /* a process that ends before this age counts as crashing */
#define POLICY_BACKOFF_MS 100 /* first delay, doubled per crash in a row */
#define POLICY_BACKOFF_MAX_MS 10000
#define POLICY_KILLED_MAX_MS 100 /* the same after SIGKILL */
#define POLICY_FIRST_CRASHES 5	 /* of one process, and a generation that has not served is given up */

enum proc_verdict { PROC_RESTART_NOW, PROC_RESTART_LATER, PROC_STAY_DOWN, PROC_GIVE_UP };

/* What is known of the process that ended. */
struct proc_exit {
	int wstatus;	   /* from waitpid */
	uint64_t age_ms;   /* from fork to exit */
	unsigned crashes;  /* young deaths in a row before this one */
	unsigned budget;   /* so many end the server; 0: it goes on trying */
	bool was_ready;	   /* it had reported ready */
	bool wanted;	   /* false: it was told to end */
	bool first_of_all; /* its generation has not served yet */
};

struct proc_decision {
	enum proc_verdict verdict;
	uint64_t delay_ms; /* for RESTART_LATER */
	unsigned crashes;  /* the new count */
};

struct proc_decision proc_policy_on_exit(const struct proc_exit *ended);

#endif
