/* The process table: states move only as they may, slots are found and counted. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"

static const struct uwsgi_kind worker = { .name = "worker" }, other = { .name = "other" };

/* ---- states ---- */

enum {
	F = UWSGI_PROC_FREE,
	S = UWSGI_PROC_STARTING,
	I = UWSGI_PROC_IDLE,
	B = UWSGI_PROC_BUSY,
	E = UWSGI_PROC_STOPPING
};

Test(proc, moves_through_its_states)
{
	static const struct {
		int from, event, to;
	} rows[] = {
		{ F, PROC_EV_FORK, S },	 { S, PROC_EV_READY, I }, { S, PROC_EV_STOP, E }, { S, PROC_EV_EXIT, F },
		{ I, PROC_EV_READY, I }, { I, PROC_EV_STOP, E },  { I, PROC_EV_EXIT, F }, { E, PROC_EV_READY, E },
		{ E, PROC_EV_STOP, E },	 { E, PROC_EV_EXIT, F },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq((int)proc_next_state(rows[i].from, rows[i].event), rows[i].to, "row %zu", i);
}

Test(proc, a_place_is_a_kind_and_a_number)
{
	struct proc_slot first = { .kind = 1, .number = 2, .pid = 3 }, successor = { .kind = 1, .number = 2, .pid = 4 };
	struct proc_slot neighbour = { .kind = 2, .number = 1 };
	cr_assert_eq(proc_place(&first), proc_place(&successor));
	cr_assert_neq(proc_place(&first), proc_place(&neighbour));
}

/* True when the event is refused: an assert in a child of our own. */
static bool refused(int from, int event)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		proc_next_state(from, event);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

Test(proc, asserts_that_nothing_else_happens)
{
	static const int rows[][2] = {
		{ F, PROC_EV_READY },
		{ F, PROC_EV_STOP },
		{ F, PROC_EV_EXIT },
		{ S, PROC_EV_FORK },
		{ I, PROC_EV_FORK },
		{ E, PROC_EV_FORK },
		{ F, PROC_EVENTS },
		{ I, -1 },
		/* busy is what a reader sees of an idle process: never a state of the table */
		{ B, PROC_EV_FORK },
		{ B, PROC_EV_READY },
		{ B, PROC_EV_STOP },
		{ B, PROC_EV_EXIT },
		{ E + 1, PROC_EV_EXIT },
		{ -1, PROC_EV_EXIT },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect(refused(rows[i][0], rows[i][1]), "state %d, event %d", rows[i][0], rows[i][1]);
}

Test(proc, ends_on_an_illegal_event, .signal = SIGABRT)
{
	struct proc_slot slot = { .state = UWSGI_PROC_FREE };
	proc_event(&slot, PROC_EV_READY);
}

/* ---- kinds ---- */

Test(proc, knows_its_kinds_by_name)
{
	struct proc_table *table = proc_table_create(NULL, 1);
	cr_assert_eq(proc_kind_find(table, "worker"), -ENOENT);
	cr_assert_eq(proc_kind_add(table, &worker), 0);
	cr_assert_eq(proc_kind_add(table, &other), 1);
	cr_assert_eq(proc_kind_find(table, "other"), 1);
	cr_assert_eq(proc_kind_at(table, 0), &worker);
	cr_assert_eq(proc_kinds(table), 2);
	static char names[PROC_KINDS_MAX][8];
	static struct uwsgi_kind more[PROC_KINDS_MAX];
	for (int i = 2; i <= PROC_KINDS_MAX; i++) {
		struct uwsgi_kind *kind = &more[i - 2];
		snprintf(names[i - 2], sizeof names[0], "kind%d", i);
		kind->name = names[i - 2];
		cr_assert_eq(proc_kind_add(table, kind), i < PROC_KINDS_MAX ? i : -ENOSPC);
	}
	cr_assert_eq(proc_kind_add(table, &other), 1, "one that is known keeps its index");
}

/* ---- slots ---- */

static struct proc_table *table_of(int slots)
{
	struct proc_table *table = proc_table_create(NULL, slots);
	proc_kind_add(table, &worker);
	proc_kind_add(table, &other);
	return table;
}

static struct proc_slot *start(struct proc_table *table, int kind, int number, unsigned generation, pid_t pid)
{
	struct proc_slot *slot = proc_slot_take(table, kind, number, generation, NULL);
	cr_assert_not_null(slot);
	proc_event(slot, PROC_EV_FORK);
	slot->pid = pid;
	return slot;
}

Test(proc, has_as_many_slots_as_it_was_made_with)
{
	struct proc_table *table = table_of(2);
	start(table, 0, 1, 1, 100);
	struct proc_slot *second = start(table, 0, 2, 1, 101);
	cr_assert_null(proc_slot_take(table, 0, 3, 1, NULL));
	cr_assert_eq(proc_table_size(table), 2);
	cr_assert_eq(proc_slot_index(table, second), 1);
	cr_assert_eq(proc_slot_at(table, 1), second);
	proc_retire(table, second);
	cr_assert_eq(proc_slot_take(table, 0, 3, 1, NULL), second);
}

Test(proc, finds_the_newest_generation_of_a_number)
{
	struct proc_table *table = table_of(4);
	struct proc_slot *old = start(table, 0, 1, 1, 100), *new = start(table, 0, 1, 2, 101);
	struct proc_slot *kin = start(table, 1, 1, 3, 102);
	proc_event(old, PROC_EV_READY);
	cr_assert_eq(proc_slot_find(table, 0, 1), old, "the new one is not ready");
	proc_event(new, PROC_EV_READY);
	cr_assert_eq(proc_slot_find(table, 0, 1), new);
	cr_assert_eq(proc_slot_find(table, 1, 1), kin);
	cr_assert_null(proc_slot_find(table, 0, 2));
	proc_retire(table, new);
	cr_assert_eq(proc_slot_find(table, 0, 1), old);
}

Test(proc, finds_a_process_by_its_pid_while_it_lives)
{
	struct proc_table *table = table_of(2);
	struct proc_slot *slot = start(table, 0, 1, 1, 100);
	cr_assert_eq(proc_slot_by_pid(table, 100), slot);
	cr_assert_null(proc_slot_by_pid(table, 0));
	proc_retire(table, slot);
	cr_assert_null(proc_slot_by_pid(table, 100));
}

Test(proc, continues_the_counters_of_the_one_before)
{
	struct proc_table *table = table_of(2);
	struct proc_slot *before = start(table, 0, 1, 1, 100);
	before->requests = 10;
	before->delta_requests = 10;
	before->exceptions = 2;
	before->harakiris = 4;
	before->timeouts[PROC_TIMEOUT_BODY] = 5;
	before->signals = 9;
	before->signal_failures = 3;
	before->last_signal_us = 77;
	before->unwanted = true;
	before->respawns = 4;
	struct proc_slot *next = proc_slot_take(table, 0, 1, 1, before);
	cr_assert_eq(next->requests, 10);
	cr_assert_eq(next->delta_requests, 0);
	cr_assert_eq(next->exceptions, 2);
	cr_assert_eq(next->harakiris, 4);
	cr_assert_eq(next->timeouts[PROC_TIMEOUT_BODY], 5);
	cr_assert_eq(next->signals, 9);
	cr_assert_eq(next->signal_failures, 3);
	cr_assert_eq(next->last_signal_us, 77);
	cr_assert_not(next->unwanted);
	cr_assert_eq(next->respawns, 5);
}

Test(proc, counts_the_requests_of_the_living_and_the_dead)
{
	struct proc_table *table = table_of(3);
	struct proc_slot *one = start(table, 0, 1, 1, 100), *two = start(table, 0, 2, 1, 101);
	one->delta_requests = 5;
	two->delta_requests = 7;
	cr_assert_eq(proc_total_requests(table), 12);
	proc_retire(table, one);
	cr_assert_eq(proc_total_requests(table), 12);
	struct proc_slot *next = proc_slot_take(table, 0, 1, 1, NULL);
	proc_event(next, PROC_EV_FORK);
	next->delta_requests = 1;
	cr_assert_eq(proc_total_requests(table), 13);
}

Test(proc, shows_a_ready_process_with_a_request_as_busy)
{
	struct proc_table *table = table_of(1);
	struct proc_slot *slot = start(table, 1, 3, 2, 100);
	struct uwsgi_proc_info info;
	slot->busy_cores = 1;
	proc_info(table, slot, &info);
	cr_assert_eq((int)info.state, S);
	proc_event(slot, PROC_EV_READY);
	slot->requests = 4;
	slot->running_us = 100;
	proc_info(table, slot, &info);
	cr_assert_eq((int)info.state, B);
	cr_assert_str_eq(info.kind, "other");
	cr_assert(info.number == 3 && info.pid == 100 && info.generation == 2 && info.avg_us == 25);
	slot->busy_cores = 0;
	proc_info(table, slot, &info);
	cr_assert_eq((int)info.state, I);
}
