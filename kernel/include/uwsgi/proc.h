/* uwsgi/proc.h - process kinds, and what every process can know of the others. */
#ifndef UWSGI_PROC_H
#define UWSGI_PROC_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

enum {
	UWSGI_KIND_FROM_MASTER = 1u << 0, /* forked by the master, without the application; without it: by the zygote */
	UWSGI_KIND_SERVES = 1u << 1,	  /* runs the accept loop of the kernel; .run is not called */
	UWSGI_KIND_SINGLE = 1u << 2,	  /* never two of one number at once: a reload ends the old one, then starts
					     the new; without it the old one ends when the new one is ready */
	UWSGI_KIND_LAST = 1u << 3,	  /* the others need it: at the end of the server it is told last */
};

/* A kind of process.  A table ends with an all-zero row. */
struct uwsgi_kind {
	const char *name; /* "http": titles, logs, statistics */
	uint32_t flags;
	int (*count)(void);	/* [main] how many; 0: none */
	int (*run)(int number); /* [child] its life; number is 1.., the result its exit status */
	uint32_t stop_ms;	/* how long it may take to end before it is killed; 0: the default of 60 s */
	const int *mercy;	/* since 1.1: the same in seconds, an option's variable; NULL or 0: see stop_ms */
};

enum uwsgi_proc_state {
	UWSGI_PROC_FREE = 0, /* no process */
	UWSGI_PROC_STARTING, /* forked, not ready yet */
	UWSGI_PROC_IDLE,     /* ready */
	UWSGI_PROC_BUSY,     /* at least one core has a request */
	UWSGI_PROC_STOPPING, /* told to end */
};

/* A snapshot of one slot of the process table.  Times in microseconds since the epoch, or microseconds. */
struct uwsgi_proc_info {
	const char *kind;
	int number;
	int pid;
	unsigned generation;
	enum uwsgi_proc_state state;
	bool accepting;
	uint64_t requests, delta_requests, exceptions, signals, respawns, harakiris;
	uint64_t running_us, tx_bytes, last_spawn_us, avg_us;
	uint64_t rss_bytes, vsz_bytes; /* 0 unless an option has the memory looked at */
	/* since 1.1: clients that were too slow */
	uint64_t head_timeouts, body_timeouts, send_timeouts, idle_timeouts;
	/* of the signals, those whose handler failed; when it handled the last one */
	uint64_t signal_failures, last_signal_us;
};

/* This process. */
UWSGI_API const char *uwsgi_my_kind(void); /* "main", "master", "zygote", "worker", or a kind's name */
UWSGI_API int uwsgi_my_number(void);	   /* 1.. within the kind; 0 for main, master and zygote */
UWSGI_API unsigned uwsgi_my_generation(void);
/* Index of the current thread's core in a worker, else -1. */
UWSGI_API int uwsgi_my_core(void);

/* Snapshot of process `number` of `kind`; `info_size` is sizeof *info_r, as the caller knows it.  0, or -ENOENT.  [any]
 */
UWSGI_API int uwsgi_proc_get(const char *kind, int number, struct uwsgi_proc_info *info_r, size_t info_size);
/* Configured number of processes of a kind.  [any] */
UWSGI_API int uwsgi_proc_count(const char *kind);

/* Requests answered since the start, by all processes, ended ones included; when the server started, in microseconds of
 * the epoch.  [any] */
UWSGI_API uint64_t uwsgi_total_requests(void);
UWSGI_API uint64_t uwsgi_started_us(void);

/* Count one failed application call in this worker.  [worker] */
UWSGI_API void uwsgi_proc_exception(void);
/* Tell the master that this worker accepts (or not) requests.  The kernel's accept loop does it by itself. */
UWSGI_API void uwsgi_proc_accepting(bool accepting);
/* Have this worker replaced, once it is old enough and its requests are answered; `why` goes to the log.  [worker] */
UWSGI_API void uwsgi_proc_recycle(const char *why);

/* Pid of the master, 0 when the server runs without one. */
UWSGI_API int uwsgi_master_pid(void);
/* Ask for an orderly reload or stop of the whole server.  0 or a negative errno.  [any] */
UWSGI_API int uwsgi_server_reload(void);
UWSGI_API int uwsgi_server_stop(void);
/* Is the whole server ending?  False in a process that is only replaced.  In a hurry: what does not end by itself
 * within two seconds is killed.  [any] */
UWSGI_API bool uwsgi_server_stopping(void);
UWSGI_API bool uwsgi_server_hurries(void);
/* True once this generation's application is loaded (false while it is being imported).  [any] */
UWSGI_API bool uwsgi_server_ready(void);
/* When `path` is touched, the processes of `kind` are replaced by new ones.  Both texts are borrowed for ever.  0 or
 * -ENOMEM. [main] */
UWSGI_API int uwsgi_touch_replaces(const char *path, const char *kind);
/* For a process that runs a program of its own instead of the kernel's loop: OS signals have their default meaning from
 * here on, and the process ends when the master does.  [child] */
UWSGI_API void uwsgi_process_own(void);
/* Set the title of this process as ps shows it; cut to what fits.  [any] */
UWSGI_API void uwsgi_proc_title(const char *title);

UWSGI_END_DECLS
#endif
