/* When a worker has served its time: each reason, and what holds it back. */
#include <criterion/criterion.h>

#include "recycle.h"

#define MB (1 << 20)

Test(recycle, decides_each_case)
{
	static const struct recycle_settings limits = {
		.min_lifetime = 10, .max_lifetime = 100, .rss = 64 * MB, .as = 512 * MB
	};
	static const struct recycle_settings no_limits = { 0 };
	static const struct {
		const char *what;
		const struct recycle_settings *settings;
		struct recycle_view view;
		enum recycle_reason reason;
	} rows[] = {
		{ "nothing configured",
		  &no_limits,
		  { 1, 1000000, 1000000, 0, false, 1000 * MB, 1000 * MB },
		  RECYCLE_NO },
		{ "in the middle of its life", &limits, { 1, 50000, 10, 20, false, MB, MB }, RECYCLE_NO },
		{ "enough requests", &limits, { 1, 50000, 5, 5, false, 0, 0 }, RECYCLE_REQUESTS },
		{ "enough requests, too young", &limits, { 1, 9999, 5, 5, false, 0, 0 }, RECYCLE_NO },
		{ "enough requests, just old enough", &limits, { 1, 10000, 5, 5, false, 0, 0 }, RECYCLE_REQUESTS },
		{ "one request less", &limits, { 1, 50000, 4, 5, false, 0, 0 }, RECYCLE_NO },
		{ "asked for", &limits, { 1, 50000, 0, 0, true, 0, 0 }, RECYCLE_ASKED },
		{ "asked for, too young", &limits, { 1, 5000, 0, 0, true, 0, 0 }, RECYCLE_NO },
		{ "asked for at once, when that is allowed", &no_limits, { 1, 0, 0, 0, true, 0, 0 }, RECYCLE_ASKED },
		{ "lived long", &limits, { 1, 110000, 0, 0, false, 0, 0 }, RECYCLE_LIFETIME },
		{ "resident at its limit", &limits, { 1, 50000, 0, 0, false, 64 * MB, MB }, RECYCLE_NO },
		{ "resident above it", &limits, { 1, 50000, 0, 0, false, 64 * MB + 1, MB }, RECYCLE_RSS },
		{ "address space above its limit", &limits, { 1, 50000, 0, 0, false, MB, 513 * MB }, RECYCLE_AS },
		{ "grown, too young", &limits, { 1, 5000, 0, 0, false, 65 * MB, MB }, RECYCLE_NO },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_assert_eq(recycle_why(rows[i].settings, &rows[i].view), rows[i].reason, "%s", rows[i].what);
}

Test(recycle, lets_neighbours_end_at_different_times)
{
	for (int a = 1; a <= 32; a++)
		for (int b = 1; b < a; b++) {
			uint64_t one = recycle_limit(10000, 0, a), other = recycle_limit(10000, 0, b);
			cr_assert(one >= 10000 && one <= 11000);
			cr_assert((one > other ? one - other : other - one) >= 10, "workers %d and %d", a, b);
		}
}

Test(recycle, keeps_a_small_limit_and_adds_a_delta)
{
	cr_assert_eq(recycle_limit(3, 0, 7), 3);
	cr_assert_eq(recycle_limit(1000, 50, 1), 1050);
	cr_assert_eq(recycle_limit(1000, 50, 8), 1400);
}

Test(recycle, refuses_a_longest_life_shorter_than_the_shortest)
{
	cr_assert_eq(recycle_finish(&(struct recycle_settings){ .min_lifetime = 10, .max_lifetime = 11 }), 0);
	cr_assert_eq(recycle_finish(&(struct recycle_settings){ .min_lifetime = 10 }), 0);
	cr_assert_lt(recycle_finish(&(struct recycle_settings){ .min_lifetime = 10, .max_lifetime = 10 }), 0);
}
