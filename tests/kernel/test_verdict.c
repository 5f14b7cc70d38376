/* Which reload a caller has to wait for, and how it went. */
#include <criterion/criterion.h>

#include "verdict.h"

Test(verdict, is_that_of_the_next_reload_when_none_is_under_way)
{
	struct verdict v = { 0 };
	unsigned expected = verdict_expected(&v);
	cr_assert_not(verdict_is_given(&v, expected));
	verdict_begin(&v);
	cr_assert_not(verdict_is_given(&v, expected));
	verdict_give(&v, false, "no such file");
	cr_assert(verdict_is_given(&v, expected));
	cr_assert_not(v.good);
	cr_assert_str_eq(v.why, "no such file");
}

Test(verdict, of_a_reload_under_way_may_be_of_older_files)
{
	struct verdict v = { 0 };
	verdict_begin(&v);
	unsigned expected = verdict_expected(&v);
	verdict_give(&v, true, "");
	cr_assert_not(verdict_is_given(&v, expected));
	verdict_begin(&v);
	verdict_give(&v, true, "");
	cr_assert(verdict_is_given(&v, expected));
	cr_assert(v.good);
}

Test(verdict, counts_on_when_its_numbers_wrap)
{
	struct verdict v = { .begun = -1u, .given = -1u };
	unsigned expected = verdict_expected(&v);
	cr_assert_not(verdict_is_given(&v, expected));
	verdict_begin(&v);
	verdict_give(&v, true, "");
	cr_assert(verdict_is_given(&v, expected));
}
