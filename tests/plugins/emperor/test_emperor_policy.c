/* What an Emperor decides, without a vassal. */
#include <criterion/criterion.h>

#include "emperor.h"

enum { READY = 1, LOYAL = 2 };

Test(emperor_policy, waits_longer_for_who_dies_young_again_and_again)
{
	static const struct {
		const char *what;
		int facts;
		uint64_t age_ms;
		unsigned deaths;
		uint64_t delay_ms;
		unsigned count;
	} rows[] = {
		{ "never was ready", 0, 50, 0, 1000, 1 },
		{ "never was ready, again", 0, 50, 1, 2000, 2 },
		{ "never was ready, slowly", 0, 60000, 2, 4000, 3 },
		{ "for the eighth time", 0, 50, 7, 128000, 8 },
		{ "for the ninth time", 0, 50, 8, 180000, 9 },
		{ "for ever", 0, 50, 4000000000u, 180000, 4000000001u },
		{ "was ready for a moment", READY, 9999, 0, 1000, 1 },
		{ "was ready, and lived", READY, 10000, 5, 0, 0 },
		{ "had answered a request", READY | LOYAL, 20, 5, 0, 0 },
		{ "had answered a request without a word of being ready", LOYAL, 20, 5, 0, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct vassal_end end = { rows[i].facts & READY, rows[i].facts & LOYAL, rows[i].age_ms,
					  rows[i].deaths };
		unsigned deaths = 42;
		cr_expect_eq(policy_delay(&end, 1000, 180000, &deaths), rows[i].delay_ms, "%s", rows[i].what);
		cr_expect_eq(deaths, rows[i].count, "%s: %u", rows[i].what, deaths);
	}
}

Test(emperor_policy, keeps_to_one_pause_when_that_is_the_most)
{
	struct vassal_end end = { .deaths = 9 };
	unsigned deaths;
	cr_expect_eq(policy_delay(&end, 1000, 1000, &deaths), 1000);
	cr_expect_eq(policy_delay(&end, 0, 1000, &deaths), 0);
}

Test(emperor_policy, lets_nothing_run_as_root)
{
	cr_expect(policy_may_rule(1000, 1000));
	cr_expect_not(policy_may_rule(0, 1000));
	cr_expect_not(policy_may_rule(1000, 0));
	cr_expect_not(policy_may_rule(0, 0));
}

Test(emperor_policy, misses_only_a_heart_that_has_beaten)
{
	cr_expect_not(policy_heart_stopped(0, 1000000, 30));
	cr_expect_not(policy_heart_stopped(1000, 31000, 30));
	cr_expect(policy_heart_stopped(1000, 31001, 30));
}
