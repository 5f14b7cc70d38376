/* What processes did is added up, over their deaths. */
#include <criterion/criterion.h>

#include "spool_figures.h"

Test(spool_figures, each_end_of_a_run_counts_as_what_it_was)
{
	struct spool_figures *figures = spool_figures_create("/a", 1);
	static const enum spool_outcome outcomes[] = { SPOOL_DONE, SPOOL_ASKED, SPOOL_RAISED, SPOOL_DIED, SPOOL_DONE };
	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
		spool_figures_begin(figures, (int64_t)i);
		cr_assert_eq(spool_figures_total(figures, 1).running, 1);
		spool_figures_end(figures, outcomes[i]);
	}
	struct spool_totals total = spool_figures_total(figures, 1);
	cr_assert(total.runs == 5 && total.done == 2 && total.failed == 2 && total.running == 0 && total.last == 4);
}

Test(spool_figures, a_death_is_a_failure_when_a_task_was_in_hand_and_counts_once)
{
	struct spool_figures *figures = spool_figures_create("/a", 1);
	spool_figures_died(figures);
	cr_assert_eq(spool_figures_total(figures, 1).failed, 0);
	spool_figures_begin(figures, 1);
	spool_figures_died(figures);
	spool_figures_died(figures);
	struct spool_totals total = spool_figures_total(figures, 1);
	cr_assert(total.runs == 1 && total.failed == 1 && total.running == 0);
}

Test(spool_figures, processes_are_summed_and_the_next_of_all_is_the_earliest)
{
	struct spool_figures *figures = spool_figures_create("/a", 3);
	spool_figures_begin(&figures[0], 70);
	spool_figures_begin(&figures[2], 50);
	atomic_store(&figures[0].next, 900);
	atomic_store(&figures[1].next, 800);
	struct spool_totals total = spool_figures_total(figures, 3);
	cr_assert(total.runs == 2 && total.running == 2 && total.last == 70 && total.next == 800);
	total = spool_figures_total(figures, 0);
	cr_assert(total.runs == 0 && total.next == 0, "an external one has none");
}
