/* jail.h - what the processes can see of the machine: namespaces and another root directory. */
#ifndef KERNEL_JAIL_H
#define KERNEL_JAIL_H

#include <stdbool.h>
#include <sys/types.h>

struct option_registry;

/* What the options set. */
struct jail {
	const char *chroot, *pivot_root; /* "new old" */
	int namespaces, late_namespaces; /* CLONE_NEW...; late: after the root directory changed */
};

/* Register the options.  What they set, or NULL when memory is out. */
struct jail *jail_register(struct option_registry *options);

/* "fs,net,pid" as CLONE_NEW... flags.  0, or -EINVAL with the unknown word's place and length. */
int jail_namespaces(const char *text, int *flags_r, const char **unknown_r, int *length_r);

/* [main] Leave the namespaces of the machine.  A new namespace of pids begins with the next fork: then this returns
 * twice, in the first process of the new one with *inside_r = 0, which may not go on before the other called
 * jail_guard, with its signals held (trap.h); and outside with its pid.
 * 0, or a negative errno after uwsgi_cause. */
int jail_leave(const struct jail *jail, pid_t *inside_r);
/* [main] Change the root directory, and leave what is to be left after that.  0, or -errno after uwsgi_cause. */
int jail_enter(const struct jail *jail);
/* Has it another root directory than the machine? */
bool jail_is_closed(const struct jail *jail);
/* Outside: let the one inside go on, pass signals to it, and end as it ends. */
_Noreturn void jail_guard(pid_t inside);
/* Inside: end with the guard.  To be called again whenever the user has changed. */
void jail_follow(const struct jail *jail);

#endif
