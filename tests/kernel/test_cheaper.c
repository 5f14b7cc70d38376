/* How many workers are worth having: cycles of each algorithm, without a worker. */
#include <criterion/criterion.h>

#include "cheaper.h"

static const struct cheaper_rules spare_rules = { CHEAPER_SPARE, .min = 2, .max = 6, .step = 2, .overload = 3 };

/* The decision of the last of so many cycles that look alike. */
static int after(int cycles, const struct cheaper_rules *rules, struct cheaper_memory *m, struct cheaper_view view)
{
	int more = 0;
	while (cycles-- > 0)
		more = cheaper_decide(rules, m, &view);
	return more;
}

Test(cheaper, spare_starts_some_when_all_were_busy_for_longer_than_the_overload)
{
	struct cheaper_memory m = { 0 };
	struct cheaper_view busy = { .up = 2, .ready = 2, .busy = 2 };
	cr_assert_eq(after(3, &spare_rules, &m, busy), 0);
	cr_assert_eq(after(1, &spare_rules, &m, busy), 2);
	cr_assert_eq(after(1, &spare_rules, &m, busy), 0, "it counts anew");
}

Test(cheaper, spare_forgets_a_rush_that_passes)
{
	struct cheaper_memory m = { 0 };
	struct cheaper_view busy = { .up = 2, .ready = 2, .busy = 2 }, calm = { .up = 2, .ready = 2, .busy = 1 };
	after(3, &spare_rules, &m, busy);
	after(1, &spare_rules, &m, calm);
	cr_assert_eq(after(3, &spare_rules, &m, busy), 0);
}

Test(cheaper, spare_ends_one_at_a_time_and_keeps_one_to_spare)
{
	struct cheaper_memory m = { 0 };
	struct cheaper_view quiet = { .up = 4, .ready = 4, .busy = 1 };
	cr_assert_eq(after(2, &spare_rules, &m, quiet), 0);
	cr_assert_eq(after(1, &spare_rules, &m, quiet), -1);
	struct cheaper_view one_free = { .up = 4, .ready = 4, .busy = 3 };
	cr_assert_eq(after(20, &spare_rules, &m, one_free), 0);
}

Test(cheaper, never_goes_beyond_its_bounds)
{
	struct cheaper_memory m = { 0 };
	struct cheaper_view nearly = { .up = 5, .ready = 5, .busy = 5 }, full = { .up = 6, .ready = 6, .busy = 6 },
			    least = { .up = 2, .ready = 2 };
	cr_assert_eq(after(4, &spare_rules, &m, nearly), 1);
	cr_assert_eq(after(4, &spare_rules, &m, full), 0);
	cr_assert_eq(after(20, &spare_rules, &m, least), 0);
}

Test(cheaper, brings_back_those_that_are_missing)
{
	struct cheaper_memory m = { 0 };
	struct cheaper_view none = { 0 };
	cr_assert_eq(after(1, &spare_rules, &m, none), 2);
}

Test(cheaper, waits_for_those_that_are_starting)
{
	struct cheaper_memory m = { 0 };
	struct cheaper_view starting = { .up = 4, .ready = 2, .busy = 2 };
	cr_assert_eq(after(10, &spare_rules, &m, starting), 0);
}

Test(cheaper, backlog_starts_some_when_connections_wait)
{
	struct cheaper_rules rules = { CHEAPER_BACKLOG, .min = 1, .max = 4, .step = 1, .overload = 3 };
	struct cheaper_memory m = { 0 };
	cr_assert_eq(after(1, &rules, &m, (struct cheaper_view){ .up = 1, .ready = 1, .busy = 1, .backlog = 3 }), 0);
	cr_assert_eq(after(1, &rules, &m, (struct cheaper_view){ .up = 1, .ready = 1, .busy = 1, .backlog = 4 }), 1);
	cr_assert_eq(after(1, &rules, &m, (struct cheaper_view){ .up = 3, .ready = 3, .busy = 1 }), -1);
}

static const struct cheaper_rules busy_rules = { CHEAPER_BUSYNESS,   .min = 1,		.max = 4,
						 .step = 1,	     .overload = 3,	.busy_max = 50,
						 .busy_min = 25,     .idle_windows = 2, .penalty = 1,
						 .backlog_alert = 33 };

/* One window in which the workers were busy for that part of the time. */
static int window(struct cheaper_memory *m, uint64_t *busy_us, int workers, int percent)
{
	struct cheaper_view v = { .up = workers, .ready = workers, .cores = (uint64_t)workers };
	int more = 0;
	for (int cycle = 0; cycle < 3; cycle++) {
		*busy_us += (uint64_t)workers * 10000 * (uint64_t)percent;
		v.busy_us = *busy_us;
		more = cheaper_decide(&busy_rules, m, &v);
		if (cycle < 2)
			cr_assert_eq(more, 0, "a window is not judged before its end");
	}
	return more;
}

Test(cheaper, busyness_judges_windows)
{
	struct cheaper_memory m = { 0 };
	uint64_t busy_us = 0;
	cr_assert_eq(window(&m, &busy_us, 1, 60), 1);
	cr_assert_eq(window(&m, &busy_us, 2, 40), 0);
	cr_assert_eq(window(&m, &busy_us, 2, 10), 0);
	cr_assert_eq(window(&m, &busy_us, 2, 10), -1);
}

Test(cheaper, busyness_waits_longer_when_it_ended_one_too_early)
{
	struct cheaper_memory m = { 0 };
	uint64_t busy_us = 0;
	window(&m, &busy_us, 2, 10);
	cr_assert_eq(window(&m, &busy_us, 2, 10), -1);
	cr_assert_eq(window(&m, &busy_us, 1, 90), 1);
	cr_assert_eq(window(&m, &busy_us, 2, 10), 0);
	cr_assert_eq(window(&m, &busy_us, 2, 10), 0, "one window more than before");
	cr_assert_eq(window(&m, &busy_us, 2, 10), -1);
}

Test(cheaper, busyness_does_not_wait_when_connections_pile_up)
{
	struct cheaper_memory m = { 0 };
	cr_assert_eq(after(1, &busy_rules, &m, (struct cheaper_view){ .up = 1, .ready = 1, .backlog = 34, .cores = 1 }),
		     1);
}

Test(cheaper, manual_does_nothing_by_itself)
{
	struct cheaper_rules rules = { CHEAPER_MANUAL, .min = 1, .max = 4, .step = 1, .overload = 1 };
	struct cheaper_memory m = { 0 };
	cr_assert_eq(after(20, &rules, &m, (struct cheaper_view){ .up = 2, .ready = 2, .busy = 2 }), 0);
}

Test(cheaper, memory_limits_come_first)
{
	struct cheaper_rules rules = spare_rules;
	struct cheaper_memory m = { 0 };
	rules.rss_soft = 1000;
	rules.rss_hard = 2000;
	cr_assert_eq(after(4, &rules, &m, (struct cheaper_view){ .up = 3, .ready = 3, .busy = 3, .rss = 1001 }), 0);
	cr_assert_eq(after(1, &rules, &m, (struct cheaper_view){ .up = 3, .ready = 3, .busy = 3, .rss = 2001 }), -1);
	cr_assert_eq(after(1, &rules, &m, (struct cheaper_view){ .up = 2, .ready = 2, .busy = 2, .rss = 2001 }), 0,
		     "the least there are stay");
}
