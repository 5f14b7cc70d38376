/* spool_figures.c - see spool_figures.h. */
#include "spool_figures.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <uwsgi/shm.h>

#include "spool_hash.h"

struct spool_figures *spool_figures_create(const char *path, int processes)
{
	char name[40];
	snprintf(name, sizeof name, "spooled %016llx", (unsigned long long)spool_hash(path));
	/* one more than there are: an external spooler has none */
	return uwsgi_shm_keep(name, (size_t)(processes + 1) * sizeof(struct spool_figures));
}

void spool_figures_begin(struct spool_figures *figures, int pid, int64_t now)
{
	atomic_fetch_add(&figures->runs, 1);
	atomic_store(&figures->last, now);
	atomic_store(&figures->running, pid);
}

void spool_figures_end(struct spool_figures *figures, int pid, enum spool_outcome outcome)
{
	if (outcome == SPOOL_DONE)
		atomic_fetch_add(&figures->done, 1);
	if (outcome == SPOOL_RAISED || outcome == SPOOL_DIED)
		atomic_fetch_add(&figures->failed, 1);
	/* one of another generation may have begun meanwhile */
	atomic_compare_exchange_strong(&figures->running, &pid, 0);
}

void spool_figures_settle(struct spool_figures *figures)
{
	int pid = atomic_load(&figures->running);
	if (pid && kill(pid, 0) == -1 && errno == ESRCH)
		atomic_compare_exchange_strong(&figures->running, &pid, 0);
}

struct spool_totals spool_figures_total(struct spool_figures *figures, int processes)
{
	struct spool_totals total = { 0 };
	for (struct spool_figures *f = figures; f < figures + processes; f++) {
		int64_t last = atomic_load(&f->last), next = atomic_load(&f->next);
		total.runs += atomic_load(&f->runs);
		total.done += atomic_load(&f->done);
		total.failed += atomic_load(&f->failed);
		total.last = last > total.last ? last : total.last;
		total.next = next && (!total.next || next < total.next) ? next : total.next;
		total.running += atomic_load(&f->running) != 0;
	}
	return total;
}
