/* uwsgi/hook.h - one speaker, many listeners, by name. */
#ifndef UWSGI_HOOK_H
#define UWSGI_HOOK_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

typedef void uwsgi_hook_fn(void);

/* A listener.  Rows are written with UWSGI_HOOK, which makes the compiler compare the function with the type that the
 * speaker's header declares.  A table ends with an all-zero row. */
struct uwsgi_hook {
	const char *name; /* "worker.start/1": what happened, and the version of the function type */
	uwsgi_hook_fn *fn;
	int priority; /* lower runs first; equal priorities run in load order */
};
#define UWSGI_HOOK(NAME, TYPE, FN)                                                                                     \
	{                                                                                                              \
		(NAME), (uwsgi_hook_fn *)(1 ? (FN) : (TYPE *)0), 0                                                     \
	}

/* Call `visit` for every listener of `name`, in order, until it returns non-zero; that value is returned, else 0.
 * The speaker's header wraps this in a typed function.  [any] */
UWSGI_API int uwsgi_hook_each(const char *name, int (*visit)(uwsgi_hook_fn *fn, void *data), void *data);

/* What an operator has done at a moment that is a plugin's: "ACTION:ARGUMENTS", as of docs/hooks.md.  apply is the
 * apply function of an option whose data is a struct uwsgi_strings; run does all that was given, in order, and names
 * `moment` in the log: 0, or a negative errno after the first that failed was logged. */
struct uwsgi_strings;
UWSGI_API int uwsgi_actions_apply(const char *key, const char *value, void *strings);	  /* [main] */
UWSGI_API int uwsgi_actions_run(const struct uwsgi_strings *actions, const char *moment); /* [any] */

/* Listeners the kernel itself speaks to. */
typedef void uwsgi_hook_process(const char *kind, int number);
#define UWSGI_HOOK_PROCESS_START "process.start/1" /* [child] after the fork, before its work */
#define UWSGI_HOOK_PROCESS_EXIT "process.exit/1"   /* [child] orderly end, after its work */
/* A process kind is about to be forked, or was: a language brings its locks in order.  The zygote calls PREPARE and
 * then PARENT in itself and CHILD in the new process, on the thread that loaded the application. */
enum uwsgi_fork_phase { UWSGI_FORK_PREPARE, UWSGI_FORK_PARENT, UWSGI_FORK_CHILD };
typedef void uwsgi_hook_fork(enum uwsgi_fork_phase phase);
#define UWSGI_HOOK_PROCESS_FORK "process.fork/1" /* [zygote] [child] */
/* A request of this worker has passed its deadline: say what the thread that runs it (a thread id, see gettid) is
 * doing. Called on a thread of the kernel, while the other may hold any lock: wait for nothing without a limit. */
typedef void uwsgi_hook_stuck(int core, int tid);
#define UWSGI_HOOK_WORKER_STUCK "worker.stuck/1" /* [worker] */
/* An operator's letter that the kernel has no meaning for: 'E' rescan, 'B' reinforcement, 'S' subscriptions. */
typedef void uwsgi_hook_command(char letter);
#define UWSGI_HOOK_MASTER_COMMAND "master.command/1" /* [master] */
/* A plugin may wait on the master's loop (uwsgi_loop), for what it bound in init say.  The master looks after everybody
 * else meanwhile: what is called there takes a moment, waits for nothing and runs no code of a user.  What it has open
 * is closed in all it forks, by the listener of CHILD; the loop is not its own there. */
typedef void uwsgi_hook_master(void);
#define UWSGI_HOOK_MASTER_START "master.start/1" /* [master] before anything is forked */
#define UWSGI_HOOK_MASTER_LEAVE                                                                                        \
	"master.leave/1" /* [master] for its next image, which has a loop of its own, or for good */
#define UWSGI_HOOK_MASTER_CHILD "master.child/1" /* [zygote] [child] the master has just forked this process */
typedef void uwsgi_hook_generation(unsigned generation);
#define UWSGI_HOOK_GENERATION_READY "generation.ready/1" /* [master] its workers answer */

UWSGI_END_DECLS
#endif
