/* limit.h - what the processes may use: memory, descriptors, processors, and the modes of the files they make. */
#ifndef KERNEL_LIMIT_H
#define KERNEL_LIMIT_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

struct option_registry;

/* What the options set. */
struct limits {
	int umask; /* -1: not given */
	int64_t as;
	int nproc, max_fd, prio;
	bool never_swap;
	int cpu_affinity; /* processors of each worker; 0: all */
};

/* Register the options.  What they set, or NULL when memory is out. */
struct limits *limit_register(struct option_registry *options);

/* [main] The mode of files; `compat` leaves what is not given as it is. */
void limit_set_umask(const struct limits *l, bool compat);
/* [main] Once, while this process may still raise them; its children have them, too, and so has the next image.
 * 0, or a negative errno after uwsgi_cause. */
int limit_set(const struct limits *l);
/* [any] Each process for itself: a fork does not inherit it.  0, or a negative errno after uwsgi_cause. */
int limit_lock_memory(const struct limits *l);
/* [worker] Stay on the processors of this number.  What cannot be is logged: it serves all the same. */
void limit_pin(const struct limits *l, int number);

/* Worker `number` (from 1) gets `width` of the allowed processors, the next worker the next ones, around and around. */
void limit_cpus(const cpu_set_t *allowed, int number, int width, cpu_set_t *cpus_r);
/* "027" as a mask.  0 or -EINVAL. */
int limit_mask(const char *text, int *mask_r);

#endif
