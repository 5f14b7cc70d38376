/* Groups of processes that share a queue of signals. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "signal_group.h"

Test(signal_group, has_its_members_only)
{
	struct signal_groups *groups = signal_groups_create();
	const bool members[] = { true, false, true };
	cr_assert_eq(signal_groups_add(groups, "farm_old", NULL, "mule", members, 3), 0);
	cr_assert_eq(signal_groups_count(groups), 1);
	const struct signal_group *group = signal_groups_at(groups, 0);
	cr_assert(signal_group_has(group, "mule", 1));
	cr_assert_not(signal_group_has(group, "mule", 2));
	cr_assert(signal_group_has(group, "mule", 3));
	cr_assert_not(signal_group_has(group, "mule", 4));
	cr_assert_not(signal_group_has(group, "mule", 0));
	cr_assert_not(signal_group_has(group, "worker", 1));
	cr_assert_null(signal_groups_at(groups, 1));
}

Test(signal_group, has_a_name_that_can_be_a_target_and_is_nobody_elses)
{
	struct signal_groups *groups = signal_groups_create();
	const bool members[] = { true };
	char name[65];
	memset(name, 'x', 64);
	name[64] = '\0';
	cr_assert_eq(signal_groups_add(groups, name, NULL, "mule", members, 1), -EINVAL);
	name[63] = '\0';
	cr_assert_eq(signal_groups_add(groups, name, NULL, "mule", members, 1), 0);
	cr_assert_eq(signal_groups_add(groups, name, NULL, "mule", members, 1), -EEXIST);
	cr_assert_eq(signal_groups_add(groups, "", NULL, "mule", members, 1), -EINVAL);
	cr_assert_eq(signal_groups_add(groups, "y", NULL, "mule", members, 0), -EINVAL);
}

Test(signal_group, may_have_a_second_name)
{
	struct signal_groups *groups = signal_groups_create();
	const bool members[] = { true };
	cr_assert_eq(signal_groups_add(groups, "farm_old", "farm1", "mule", members, 1), 0);
	cr_assert_str_eq(signal_groups_at(groups, 0)->also, "farm1");
	cr_assert_eq(signal_groups_add(groups, "farm1", NULL, "mule", members, 1), -EEXIST);
	cr_assert_eq(signal_groups_add(groups, "farm_new", "farm_old", "mule", members, 1), -EEXIST);
	cr_assert_eq(signal_groups_add(groups, "farm_new", "", "mule", members, 1), -EINVAL);
}
