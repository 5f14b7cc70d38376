/* What becomes of a process that ended: a table of every case, without a process. */
#include <criterion/criterion.h>
#include <signal.h>

#include "proc_policy.h"

#define EXITED(status) ((status) << 8)
#define KILLED(signum) (signum)

enum { UNWANTED = 1, READY = 2, FIRST = 4 };

Test(proc_policy, decides_each_case)
{
	static const struct {
		const char *what;
		int wstatus;
		uint64_t age_ms;
		unsigned crashes;
		int facts;
		enum proc_verdict verdict;
		uint64_t delay_ms;
		unsigned count;
	} rows[] = {
		{ "told to end", EXITED(0), 5000, 0, UNWANTED | READY, PROC_STAY_DOWN, 0, 0 },
		{ "told to end, and killed for it", KILLED(SIGKILL), 5000, 3, UNWANTED | READY, PROC_STAY_DOWN, 0, 0 },
		{ "lived long", EXITED(0), 60000, 0, READY, PROC_RESTART_NOW, 0, 0 },
		{ "lived long and crashed", KILLED(SIGSEGV), 60000, 4, READY, PROC_RESTART_NOW, 0, 0 },
		{ "lived just long enough", EXITED(1), POLICY_YOUNG_MS, 2, READY, PROC_RESTART_NOW, 0, 0 },
		{ "served its time at once", EXITED(EXIT_RECYCLE), 5, 3, READY, PROC_RESTART_NOW, 0, 0 },
		{ "died young, once", KILLED(SIGSEGV), 999, 0, READY, PROC_RESTART_NOW, 0, 1 },
		{ "died young, twice", KILLED(SIGSEGV), 10, 1, READY, PROC_RESTART_LATER, 100, 2 },
		{ "died young, three times", EXITED(1), 10, 2, READY, PROC_RESTART_LATER, 200, 3 },
		{ "died young, eight times", EXITED(1), 10, 7, READY, PROC_RESTART_LATER, 6400, 8 },
		{ "died young, nine times", EXITED(1), 10, 8, READY, PROC_RESTART_LATER, 10000, 9 },
		{ "killed young, nine times", KILLED(SIGKILL), 10, 8, READY, PROC_RESTART_LATER, 100, 9 },
		{ "died young, for ever", EXITED(1), 10, 4000000000u, READY, PROC_RESTART_LATER, 10000, 4000000001u },
		{ "never was ready, slowly", EXITED(1), 90000, 1, 0, PROC_RESTART_LATER, 100, 2 },
		{ "no application, first of all", EXITED(EXIT_APP_FAILED), 10, 0, FIRST, PROC_GIVE_UP, 0, 0 },
		{ "no application, but others serve", EXITED(EXIT_APP_FAILED), 10, 1, 0, PROC_RESTART_LATER, 100, 2 },
		{ "no application, told to end", EXITED(EXIT_APP_FAILED), 10, 0, UNWANTED | FIRST, PROC_STAY_DOWN, 0,
		  0 },
		{ "killed by a signal of that number", KILLED(EXIT_APP_FAILED), 10, 0, FIRST, PROC_RESTART_NOW, 0, 1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct proc_exit ended = {
			.wstatus = rows[i].wstatus,
			.age_ms = rows[i].age_ms,
			.crashes = rows[i].crashes,
			.was_ready = rows[i].facts & READY,
			.wanted = !(rows[i].facts & UNWANTED),
			.first_of_all = rows[i].facts & FIRST,
		};
		struct proc_decision d = proc_policy_on_exit(&ended);
		cr_expect_eq(d.verdict, rows[i].verdict, "%s: verdict %d", rows[i].what, d.verdict);
		cr_expect_eq(d.delay_ms, rows[i].delay_ms, "%s: delay %lu", rows[i].what, (unsigned long)d.delay_ms);
		cr_expect_eq(d.crashes, rows[i].count, "%s: crashes %u", rows[i].what, d.crashes);
	}
}
