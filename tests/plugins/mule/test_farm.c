/* Groups of mules. */
#include <criterion/criterion.h>

#include "mule.h"

Test(farm, is_a_name_and_numbers)
{
	struct farm f;
	cr_assert_null(farm_parse("pigs:1,3", 3, &f));
	cr_assert_str_eq(f.name, "pigs");
	cr_assert(f.members[1] && !f.members[2] && f.members[3]);
	static const char *const bad[] = { "",
					   "pigs",
					   "pigs:",
					   ":1",
					   "pigs:4",
					   "pigs:0",
					   "pigs:-1",
					   "pigs:x",
					   "pigs:1,",
					   "pigs:1;2",
					   "pigs:1,2,99999999999999999999" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not_null(farm_parse(bad[i], 3, &f), "\"%s\"", bad[i]);
}

Test(farm, is_found_by_name_or_number)
{
	struct farm farms[] = { { .name = "pigs" }, { .name = "cows" } };
	struct mules m = { .farms = farms, .farm_count = 2 };
	cr_assert_eq(farm_find(&m, "cows"), 1);
	cr_assert_eq(farm_find(&m, "2"), 1);
	cr_assert_eq(farm_find(&m, "sheep"), -1);
	cr_assert_eq(farm_find(&m, "0"), -1);
	cr_assert_eq(farm_find(&m, "3"), -1);
	cr_assert_eq(farm_find(&m, ""), -1);
}

Test(farm, says_which_queues_a_mule_listens_to)
{
	bool one[] = { false, true, false }, two[] = { false, false, true };
	struct farm farms[] = { { "pigs", one }, { "cows", two } };
	char ring[5];
	struct message_queue *all[5], *got[8];
	for (int i = 0; i < 5; i++)
		all[i] = (struct message_queue *)&ring[i]; /* only told apart */
	struct mules m = { .count = 2, .farms = farms, .farm_count = 2, .queues = all };
	cr_assert_eq(mule_queues(&m, 2, true, true, got), 3);
	cr_assert(got[0] == all[2] && got[1] == all[0] && got[2] == all[4]);
	cr_assert_eq(mule_queues(&m, 1, false, true, got), 1);
	cr_assert_eq(got[0], all[3]);
	cr_assert_eq(mule_queues(&m, 1, true, false, got), 2);
}
