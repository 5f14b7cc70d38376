/* What raises signals: who wants it, and for how long; a loop, no server. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handover.h"
#include "loop.h"
#include "sources.h"

static struct uwsgi_loop *loop;
static struct sources *sources;
static _Atomic int64_t seen;
static int raised[256];

static int raise_it(void *data, uint8_t number)
{
	(void)data;
	raised[number]++;
	return 0;
}

static struct sources *make(unsigned generation)
{
	return sources_create(loop, generation, &seen, raise_it, NULL);
}

static void set_up(void)
{
	loop = loop_create();
	sources = make(1);
}

TestSuite(sources, .init = set_up);

static int add(int number, int place, pid_t pid)
{
	const struct uwsgi_source source = { .type = UWSGI_SOURCE_TIMER, .number = (uint8_t)number, .period_ms = 5 };
	return sources_add(sources, &source, pid ? &(struct source_loader){ place, pid } : NULL);
}

static void loaded(int place, pid_t pid)
{
	sources_loaded(sources, &(struct source_loader){ place, pid });
}

static void note(const struct uwsgi_source *source, const struct source_record *record, void *data)
{
	char *list = data;
	(void)record;
	sprintf(list + strlen(list), "%d ", source->number);
}

/* The numbers of those that are there. */
static const char *there(void)
{
	static char list[256];
	*list = 0;
	sources_each(sources, note, list);
	return list;
}

Test(sources, one_that_is_added_again_is_the_same)
{
	add(1, 1, 101);
	add(1, 2, 102);
	add(1, 0, 0);
	add(2, 0, 0);
	cr_assert_str_eq(there(), "1 2 ");
}

Test(sources, what_the_next_loading_does_not_add_is_forgotten)
{
	add(1, 1, 101);
	add(2, 1, 101);
	loaded(1, 101);
	cr_assert_str_eq(there(), "1 2 ", "its own loading");
	add(1, 1, 201);
	loaded(1, 201);
	cr_assert_str_eq(there(), "1 ");
}

Test(sources, what_another_process_loaded_goes_on_until_that_one_has_a_successor)
{
	for (int place = 1; place <= 3; place++) {
		add(1, place, 100 + place);
		loaded(place, 100 + place);
	}
	loaded(2, 202);
	cr_assert_str_eq(there(), "1 ");
	loaded(3, 203);
	loaded(2, 302);
	cr_assert_str_eq(there(), "1 ", "the first wants it still");
	loaded(1, 201);
	cr_assert_str_eq(there(), "");
}

Test(sources, what_was_added_without_a_loading_stays)
{
	add(1, 0, 0);
	add(2, 1, 101);
	add(2, 0, 0);
	loaded(1, 201);
	cr_assert_str_eq(there(), "1 2 ");
}

Test(sources, what_makes_no_sense_is_refused)
{
	const struct uwsgi_source never = { .type = UWSGI_SOURCE_TIMER }, unknown = { .type = 99, .period_ms = 1 };
	cr_assert_eq(sources_add(sources, &never, NULL), -EINVAL);
	cr_assert_eq(sources_add(sources, &unknown, NULL), -EINVAL);
	cr_assert_str_eq(there(), "");
}

Test(sources, raise_while_they_run_only)
{
	add(1, 0, 0);
	for (uint64_t end = uwsgi_now_ms() + 20; uwsgi_now_ms() < end;)
		loop_turn(loop, 5);
	cr_assert_eq(raised[1], 0);
	sources_start(sources);
	for (uint64_t end = uwsgi_now_ms() + 5000; raised[1] < 3 && uwsgi_now_ms() < end;)
		loop_turn(loop, 5);
	cr_assert_geq(raised[1], 3);
	sources_stop(sources);
	int before = raised[1];
	for (uint64_t end = uwsgi_now_ms() + 20; uwsgi_now_ms() < end;)
		loop_turn(loop, 5);
	cr_assert_eq(raised[1], before);
}

Test(sources, are_handed_over_with_those_who_want_them)
{
	struct handover *h = handover_create();
	const struct uwsgi_source file = { .type = UWSGI_SOURCE_FILE, .number = 3, .path = "/tmp/a : b" };
	char number[16];
	add(1, -1, 101);
	add(1, 2, 102);
	add(2, 0, 0);
	sources_add(sources, &file, NULL);
	cr_assert_eq(sources_keep(sources, h), 0);
	snprintf(number, sizeof number, "%d", handover_seal(h));
	setenv(HANDOVER_ENV, number, 1);
	struct handover *next = handover_create();
	sources = make(1);
	sources_claim(sources, next);
	cr_assert_str_eq(there(), "1 2 3 ");
	cr_assert_eq(sources_add(sources, &file, NULL), 0);
	cr_assert_str_eq(there(), "1 2 3 ", "the same file");
	loaded(-1, 201);
	cr_assert_str_eq(there(), "1 2 3 ");
	loaded(2, 202);
	cr_assert_str_eq(there(), "2 3 ");
}
