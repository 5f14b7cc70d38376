/* Cron on a fake clock: each minute of a year, and clocks that are set. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "cron.h"

static void set_up(void)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1); /* no zone files needed */
	tzset();
}

TestSuite(cron, .init = set_up);

/* Minutes of the epoch of a local time that comes once. */
static int64_t at(int year, int month, int day, int hour, int minute)
{
	struct tm tm = { .tm_year = year - 1900,
			 .tm_mon = month - 1,
			 .tm_mday = day,
			 .tm_hour = hour,
			 .tm_min = minute,
			 .tm_isdst = -1 };
	return (int64_t)mktime(&tm) / 60;
}

static int runs(struct cron_spec spec, int64_t from, int64_t to)
{
	int count = 0;
	int64_t seen = from - 1;
	for (int64_t now = from; now < to; now++) {
		count += cron_is_due(&spec, seen, now);
		seen = cron_seen(seen, now);
	}
	return count;
}

Test(cron, runs_each_slot_of_a_year_once)
{
	static const struct {
		struct cron_spec spec;
		int times;
	} rows[] = {
		{ { { 40, 2, -1, -1, -1 } }, 365 }, /* the seed's: 2:40, skipped and repeated once a year */
		{ { { 59, 2, -1, -1, -1 } }, 365 },
		{ { { 0, 3, -1, -1, -1 } }, 365 },
		{ { { 0, 12, 1, -1, -1 } }, 12 },
		{ { { 0, 0, 1, 1, -1 } }, 1 },
		{ { { 30, 6, -1, -1, 0 } }, 52 }, /* Sundays of 2026 */
		{ { { 30, 6, -1, -1, 7 } }, 52 },
		{ { { 30, 6, 13, -1, 5 } }, 12 + 52 - 3 }, /* the 13th or a Friday: three Fridays the 13th in 2026 */
		{ { { 30, 6, 31, -1, -1 } }, 7 },
		{ { { 30, 6, 29, 2, -1 } }, 0 }, /* no leap year */
		{ { { -5, -1, -1, -1, -1 } }, 365 * 24 * 12 },
		{ { { -1, -1, -1, -1, -1 } }, 365 * 24 * 60 },
		{ { { 15, -1, -1, -1, -1 } }, 365 * 24 },
		{ { { 0, 0, -2, -1, -1 } }, 6 * 15 + 14 + 5 * 15 }, /* even days */
		{ { { 0, 0, 1, -3, -1 } }, 4 },
		{ { { 99, -1, -1, -1, -1 } }, 0 },
		{ { { 0, 24, -1, -1, -1 } }, 0 },
	};
	int64_t from = at(2026, 1, 1, 0, 0), to = at(2027, 1, 1, 0, 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(runs(rows[i].spec, from, to), rows[i].times, "row %zu: %d", i,
			     runs(rows[i].spec, from, to));
}

Test(cron, a_time_that_daylight_saving_skips_comes_right_after_it)
{
	struct cron_spec spec = { { 40, 2, -1, -1, -1 } };
	int64_t three = at(2026, 3, 29, 3, 0);
	cr_assert_not(cron_is_due(&spec, three - 2, three - 1));
	cr_assert(cron_is_due(&spec, three - 1, three));
	cr_assert_not(cron_is_due(&spec, three, three + 1));
	cr_assert_not(cron_is_due(&spec, three + 39, three + 40));
}

Test(cron, a_time_that_comes_twice_counts_once)
{
	struct cron_spec spec = { { 40, 2, -1, -1, -1 } };
	int64_t first = at(2026, 10, 25, 1, 0) + 100;
	cr_assert(cron_is_due(&spec, first - 1, first));
	cr_assert_not(cron_is_due(&spec, first + 59, first + 60));
	struct cron_spec quarter = { { -15, -1, -1, -1, -1 } };
	cr_assert_eq(runs(quarter, at(2026, 10, 25, 0, 0), at(2026, 10, 26, 0, 0)), 25 * 4);
}

Test(cron, a_clock_set_forward_runs_what_it_jumped_over_once)
{
	struct cron_spec spec = { { 30, 6, -1, -1, -1 } }, every = { { -1, -1, -1, -1, -1 } };
	int64_t six = at(2026, 6, 1, 6, 0);
	cr_assert(cron_is_due(&spec, six, six + 60));
	cr_assert_not(cron_is_due(&spec, cron_seen(six, six + 60), six + 61));
	cr_assert(cron_is_due(&every, six, six + 60));
	cr_assert_not(cron_is_due(&spec, six, six + 600), "too far: it begins anew");
	cr_assert(cron_is_due(&spec, six - 600, six + 30));
}

Test(cron, a_clock_set_back_runs_nothing_twice)
{
	struct cron_spec spec = { { 30, 6, -1, -1, -1 } }, every = { { -1, -1, -1, -1, -1 } };
	int64_t seen = at(2026, 6, 1, 6, 45);
	for (int64_t now = seen - 45; now <= seen; now++) {
		cr_assert_not(cron_is_due(&spec, seen, now));
		cr_assert(cron_is_due(&every, seen, now));
		cr_assert_eq(cron_seen(seen, now), seen);
	}
	cr_assert_eq(cron_seen(seen, seen - 1000), seen - 1000);
}

Test(cron, a_zone_without_daylight_saving_is_no_exception)
{
	setenv("TZ", "UTC0", 1);
	tzset();
	struct cron_spec spec = { { 40, 2, -1, -1, -1 } };
	cr_assert_eq(runs(spec, at(2026, 1, 1, 0, 0), at(2027, 1, 1, 0, 0)), 365);
}

/* ---- the next time ---- */

static int64_t next_by_looking(const struct cron_spec *spec, int64_t after, int64_t until)
{
	for (int64_t minute = after + 1; minute <= until; minute++)
		if (cron_is_due(spec, minute - 1, minute))
			return minute;
	return -1;
}

Test(cron, knows_the_next_time_of_a_job)
{
	static const struct {
		struct cron_spec spec;
		int after[5], next[5];
	} rows[] = {
		{ { { -1, -1, -1, -1, -1 } }, { 2026, 5, 1, 12, 0 }, { 2026, 5, 1, 12, 1 } },
		{ { { -5, -1, -1, -1, -1 } }, { 2026, 5, 1, 12, 0 }, { 2026, 5, 1, 12, 5 } },
		{ { { 0, 12, -1, -1, -1 } }, { 2026, 5, 1, 12, 0 }, { 2026, 5, 2, 12, 0 } },
		{ { { 0, 0, 1, 1, -1 } }, { 2026, 1, 1, 0, 0 }, { 2027, 1, 1, 0, 0 } },
		{ { { 30, 6, 31, -1, -1 } }, { 2026, 8, 31, 6, 30 }, { 2026, 10, 31, 6, 30 } },
		{ { { 30, 6, 13, -1, 5 } }, { 2026, 5, 8, 7, 0 }, { 2026, 5, 13, 6, 30 } }, /* the 13th or a Friday */
		{ { { 0, 0, 29, 2, -1 } }, { 2026, 5, 1, 0, 0 }, { 2028, 2, 29, 0, 0 } },
		{ { { 0, 0, 29, 2, -1 } }, { 2096, 2, 29, 0, 0 }, { 2104, 2, 29, 0, 0 } },   /* 2100 is no leap year */
		{ { { 40, 2, -1, -1, -1 } }, { 2026, 3, 28, 3, 0 }, { 2026, 3, 29, 3, 0 } }, /* the time is skipped */
		{ { { 40, 2, -1, -1, -1 } }, { 2026, 3, 29, 3, 0 }, { 2026, 3, 30, 2, 40 } },
		{ { { 40, 2, -1, -1, -1 } }, { 2026, 10, 25, 3, 0 }, { 2026, 10, 26, 2, 40 } },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const int *a = rows[i].after, *n = rows[i].next;
		cr_expect_eq(cron_next(&rows[i].spec, at(a[0], a[1], a[2], a[3], a[4])),
			     at(n[0], n[1], n[2], n[3], n[4]), "row %zu", i);
	}
}

Test(cron, runs_a_job_of_a_repeated_time_next_when_it_comes_first)
{
	const struct cron_spec spec = { { 30, 2, -1, -1, -1 } };
	int64_t before = at(2026, 10, 25, 1, 0), next = cron_next(&spec, before);
	cr_expect_eq(next, before + 90);
	cr_expect_eq(cron_next(&spec, next), next + 25 * 60);
}

Test(cron, has_no_next_time_for_what_never_comes)
{
	static const struct cron_spec never[] = {
		{ { 0, 0, 30, 2, -1 } }, { { 60, -1, -1, -1, -1 } }, { { 0, 24, -1, -1, -1 } },
		{ { 0, 0, 1, 13, -1 } }, { { 0, 0, -1, -1, 8 } },    { { 0, 0, 32, -1, -1 } },
	};
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		cr_expect_eq(cron_next(&never[i], at(2026, 5, 1, 0, 0)), -1, "row %zu", i);
}

Test(cron, finds_the_next_time_that_looking_at_each_minute_finds)
{
	static const char *const zones[] = { "CET-1CEST,M3.5.0,M10.5.0/3", /* set at 2 and 3 o'clock */
					     "<-03>3<-02>,M10.3.0/0,M2.3.0/0" /* at midnight: a day begins at 1 */ };
	static const struct cron_spec specs[] = {
		{ { 30, 0, -1, -1, -1 } }, { { 30, 2, -1, -1, 0 } },   { { -7, -5, -3, -1, -1 } },
		{ { 0, 0, 15, -1, 3 } },   { { -1, 23, -1, -6, -1 } }, { { 59, -1, 1, -1, -1 } },
	};
	for (size_t zone = 0; zone < 2; zone++) {
		setenv("TZ", zones[zone], 1);
		tzset();
		int64_t from = at(2026, 1, 1, 0, 0), to = at(2027, 1, 1, 0, 0);
		for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
			for (int64_t minute = from; minute < to;) {
				int64_t next = cron_next(&specs[i], minute);
				cr_assert_eq(next, next_by_looking(&specs[i], minute, next + 1),
					     "zone %zu row %zu after %lld", zone, i, (long long)minute);
				minute = next;
			}
	}
}

Test(cron, counts_the_next_time_from_what_was_looked_at)
{
	cr_expect_eq(cron_last(0, 1000), 999);	 /* this minute is still to come */
	cr_expect_eq(cron_last(999, 1000), 999); /* likewise */
	cr_expect_eq(cron_last(1000, 1000), 1000);
	cr_expect_eq(cron_last(900, 1000), 999);   /* what was missed is not made up for here */
	cr_expect_eq(cron_last(1060, 1000), 1060); /* the clock was set back: those minutes have had their turn */
	cr_expect_eq(cron_last(1060 + CRON_JUMP_MINUTES, 1000), 999);
}

Test(cron, knows_times_that_never_come)
{
	static const struct cron_spec good[] = { { { 0, 0, 1, 1, 0 } },
						 { { 59, 23, 31, 12, 7 } },
						 { { -1, -1, -1, -1, -1 } },
						 { { -99, -5, -2, -7, -6 } } };
	static const struct cron_spec bad[] = { { { 60, 0, 1, 1, 0 } }, { { 0, 24, 1, 1, 0 } }, { { 0, 0, 0, 1, 0 } },
						{ { 0, 0, 32, 1, 0 } }, { { 0, 0, 1, 0, 0 } },	{ { 0, 0, 1, 13, 0 } },
						{ { 0, 0, 1, 1, 8 } } };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		cr_expect_null(cron_wrong(&good[i]), "%zu", i);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not_null(cron_wrong(&bad[i]), "%zu", i);
	cr_assert_str_eq(cron_wrong(&bad[1]), "an hour is 0 to 23");
}
