#include <criterion/criterion.h>

#include "spool_policy.h"

#define NOW 1000

Test(spool_policy, decides_by_outcome_and_failures)
{
	static const struct {
		const char *what;
		enum spool_outcome outcome;
		unsigned tries, max;
		struct spool_decision want;
	} cases[] = {
		{ "done", SPOOL_DONE, 0, 10, { SPOOL_DELETE, 0, 0 } },
		{ "done at last", SPOOL_DONE, 9, 10, { SPOOL_DELETE, 9, 0 } },
		{ "asked to come again", SPOOL_ASKED, 0, 1, { SPOOL_KEEP, 0, NOW + 30 } },
		{ "asking is no failure", SPOOL_ASKED, 5, 10, { SPOOL_KEEP, 5, NOW + 30 } },
		{ "raised", SPOOL_RAISED, 0, 10, { SPOOL_KEEP, 1, NOW + 30 } },
		{ "raised again", SPOOL_RAISED, 1, 10, { SPOOL_KEEP, 2, NOW + 60 } },
		{ "and again", SPOOL_RAISED, 4, 10, { SPOOL_KEEP, 5, NOW + 480 } },
		{ "an hour at most", SPOOL_RAISED, 60, 0, { SPOOL_KEEP, 61, NOW + 3600 } },
		{ "raised too often", SPOOL_RAISED, 9, 10, { SPOOL_BURY, 10, 0 } },
		{ "allowed once", SPOOL_RAISED, 0, 1, { SPOOL_BURY, 1, 0 } },
		{ "a process died", SPOOL_DIED, 0, 10, { SPOOL_KEEP, 1, NOW } },
		{ "died again", SPOOL_DIED, 1, 10, { SPOOL_KEEP, 2, NOW + 30 } },
		{ "died too often", SPOOL_DIED, 9, 10, { SPOOL_BURY, 10, 0 } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spool_decision got = spool_decide(cases[i].outcome, cases[i].tries, cases[i].max, 30, NOW);
		cr_expect_eq(got.action, cases[i].want.action, "%s", cases[i].what);
		cr_expect_eq(got.tries, cases[i].want.tries, "%s", cases[i].what);
		cr_expect_eq(got.due, cases[i].want.due, "%s", cases[i].what);
	}
}

Test(spool_policy, a_frequency_above_an_hour_is_kept)
{
	cr_assert_eq(spool_decide(SPOOL_RAISED, 3, 10, 7200, NOW).due, NOW + 7200);
}

Test(spool_policy, waits_for_a_time_that_was_set_and_not_for_a_clock_that_was_put_back)
{
	cr_assert(spool_is_early(NOW + 10, NOW, NOW));
	cr_assert(spool_is_early(NOW + 10, NOW + 5, NOW));
	cr_assert_not(spool_is_early(NOW + 10, NOW + 10, NOW));
	cr_assert_not(spool_is_early(NOW + 10, NOW + 20, NOW));
	cr_assert_not(spool_is_early(NOW, NOW - 10, NOW));
}

Test(spool_policy, looks_at_a_taken_task_less_and_less_often)
{
	cr_assert_eq(spool_look_again(0, 30), 1);
	cr_assert_eq(spool_look_again(3, 30), 8);
	cr_assert_eq(spool_look_again(40, 30), 30);
}
