/* signal_group.c - see signal_group.h. */
#include "signal_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signal_bus.h"

struct signal_groups {
	struct signal_group *list;
	int count;
};

struct signal_groups *signal_groups_create(void)
{
	return calloc(1, sizeof(struct signal_groups));
}

static bool is_taken(const struct signal_groups *groups, const char *name)
{
	for (int i = 0; i < groups->count; i++) {
		const struct signal_group *group = &groups->list[i];
		if (!strcmp(group->name, name) || (group->also && !strcmp(group->also, name)))
			return true;
	}
	return false;
}

static bool is_target(const char *name)
{
	return *name && strlen(name) < sizeof((struct signal_kind *)0)->name;
}

int signal_groups_add(struct signal_groups *groups, const char *name, const char *also, const char *kind,
		      const bool *members, int count)
{
	if (!is_target(name) || (also && !is_target(also)) || count < 1)
		return -EINVAL;
	if (is_taken(groups, name) || (also && is_taken(groups, also)))
		return -EEXIST;
	struct signal_group *list = reallocarray(groups->list, (size_t)groups->count + 1, sizeof *list);
	if (!list)
		return -ENOMEM;
	groups->list = list;
	struct signal_group *group = &list[groups->count];
	*group = (struct signal_group){ strdup(name), also ? strdup(also) : NULL, strdup(kind), count,
					calloc((size_t)count, sizeof *members) };
	if (!group->name || (also && !group->also) || !group->kind || !group->members)
		return -ENOMEM;
	memcpy(group->members, members, (size_t)count * sizeof *members);
	groups->count++;
	return 0;
}

int signal_groups_count(const struct signal_groups *groups)
{
	return groups->count;
}

const struct signal_group *signal_groups_at(const struct signal_groups *groups, int i)
{
	return i < groups->count ? &groups->list[i] : NULL;
}

bool signal_group_has(const struct signal_group *group, const char *kind, int number)
{
	return !strcmp(group->kind, kind) && number >= 1 && number <= group->count && group->members[number - 1];
}
