/* signal_group.h - processes that share a queue of signals under a name of its own; see uwsgi_signal_group. */
#ifndef KERNEL_SIGNAL_GROUP_H
#define KERNEL_SIGNAL_GROUP_H

#include <stdbool.h>

struct signal_groups;

struct signal_group {
	char *name, *also; /* its targets; also may be NULL */
	char *kind;
	int count;
	bool *members; /* [0..count - 1] for the numbers 1..count of that kind */
};

/* NULL: memory is out. */
struct signal_groups *signal_groups_create(void);
/* All is copied.  0, -EINVAL when a name cannot be a target, -EEXIST, or -ENOMEM. */
int signal_groups_add(struct signal_groups *groups, const char *name, const char *also, const char *kind,
		      const bool *members, int count);
int signal_groups_count(const struct signal_groups *groups);
/* NULL behind the last. */
const struct signal_group *signal_groups_at(const struct signal_groups *groups, int i);
bool signal_group_has(const struct signal_group *group, const char *kind, int number);

#endif
