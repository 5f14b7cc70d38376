/* When a daemon is started again: tables of every case, without a process. */
#include <criterion/criterion.h>

#include "daemon.h"

Test(daemon_policy, throttles_who_dies_young)
{
	static const struct {
		uint64_t age_ms;
		unsigned deaths, max, wait;
	} rows[] = {
		{ 0, 1, 0, 1 },	    { 0, 2, 0, 2 },	{ 999, 5, 0, 5 },  { 1000, 5, 0, 4 },
		{ 2999, 5, 0, 3 },  { 2999, 1, 0, 1 },	{ 3000, 5, 0, 0 }, { 1u << 30, 900, 0, 0 },
		{ 0, 300, 0, 300 }, { 0, 301, 0, 300 }, { 0, 9, 5, 5 },	   { 0, 4000000000u, 0, 300 },
		{ 0, 4, 1000, 4 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(daemon_throttle(rows[i].age_ms, rows[i].deaths, rows[i].max), rows[i].wait, "row %zu", i);
}

Test(daemon_policy, looks_after_a_pidfile)
{
	static const struct {
		const char *what;
		struct daemon_look look;
		enum daemon_verdict verdict;
	} rows[] = {
		{ "it runs already", { .alive = true, .failed = 1, .freq = 10 }, DAEMON_WATCH },
		{ "it runs still", { .alive = true, .was_alive = true, .failed = 50, .freq = 10 }, DAEMON_WATCH },
		{ "it was never started", { .failed = 1, .freq = 10 }, DAEMON_SPAWN },
		{ "it ended", { .was_alive = true, .failed = 1, .freq = 10 }, DAEMON_SPAWN },
		{ "it ended after we had started it",
		  { .was_alive = true, .spawned = true, .failed = 1, .freq = 10 },
		  DAEMON_SPAWN },
		{ "it is slow to write its pid", { .spawned = true, .failed = 9, .freq = 10 }, DAEMON_LOOK_AGAIN },
		{ "it never wrote its pid", { .spawned = true, .failed = 10, .freq = 10 }, DAEMON_SPAWN },
		{ "no patience", { .spawned = true, .failed = 1, .freq = 0 }, DAEMON_SPAWN },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(daemon_decide(&rows[i].look), rows[i].verdict, "%s", rows[i].what);
}
