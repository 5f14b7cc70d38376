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
