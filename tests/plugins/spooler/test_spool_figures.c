/* What processes did is added up, over their deaths. */
#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spool_figures.h"

Test(spool_figures, each_end_of_a_run_counts_as_what_it_was)
{
	struct spool_figures *figures = spool_figures_create("/a", 1);
	static const enum spool_outcome outcomes[] = { SPOOL_DONE, SPOOL_ASKED, SPOOL_RAISED, SPOOL_DIED, SPOOL_DONE };
	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
		spool_figures_begin(figures, getpid(), (int64_t)i);
		cr_assert_eq(spool_figures_total(figures, 1).running, 1);
		spool_figures_end(figures, getpid(), outcomes[i]);
	}
	struct spool_totals total = spool_figures_total(figures, 1);
	cr_assert(total.runs == 5 && total.done == 2 && total.failed == 2 && total.running == 0 && total.last == 4);
}

Test(spool_figures, who_died_has_nothing_in_hand_and_who_lives_still_has)
{
	struct spool_figures *figures = spool_figures_create("/a", 1);
	if (fork() == 0) {
		spool_figures_begin(figures, getpid(), 1);
		_exit(0);
	}
	cr_assert_gt(wait(NULL), 0);
	cr_assert_eq(spool_figures_total(figures, 1).running, 1);
	spool_figures_settle(figures);
	struct spool_totals total = spool_figures_total(figures, 1);
	cr_assert(total.runs == 1 && total.failed == 0 && total.running == 0);
	spool_figures_begin(figures, getpid(), 2);
	spool_figures_settle(figures);
	cr_assert_eq(spool_figures_total(figures, 1).running, 1);
}

Test(spool_figures, processes_are_summed_and_the_next_of_all_is_the_earliest)
{
	struct spool_figures *figures = spool_figures_create("/a", 3);
	spool_figures_begin(&figures[0], getpid(), 70);
	spool_figures_begin(&figures[2], getpid(), 50);
	atomic_store(&figures[0].next, 900);
	atomic_store(&figures[1].next, 800);
	struct spool_totals total = spool_figures_total(figures, 3);
	cr_assert(total.runs == 2 && total.running == 2 && total.last == 70 && total.next == 800);
	total = spool_figures_total(figures, 0);
	cr_assert(total.runs == 0 && total.next == 0, "an external one has none");
}
