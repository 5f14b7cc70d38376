/* Hooks: every listener of a name runs, in order of priority and then of arrival. */
#include <criterion/criterion.h>
#include <string.h>

#include "hook.h"

static char trace[32];

typedef void letter(void);
static void a(void)
{
	strcat(trace, "a");
}
static void b(void)
{
	strcat(trace, "b");
}
static void c(void)
{
	strcat(trace, "c");
}

static int call(uwsgi_hook_fn *fn, void *data)
{
	int *left = data;
	fn();
	return left && --*left == 0 ? 7 : 0;
}

Test(hook, runs_listeners_by_priority_and_then_by_arrival)
{
	struct hook_registry *hooks = hook_registry_create();
	static const struct uwsgi_hook first[] = { { "x/1", a, 5 }, { "y/1", b, 0 }, { "x/1", b, 0 }, { 0 } };
	static const struct uwsgi_hook second[] = { { "x/1", c, -1 }, { "x/1", c, 5 }, { 0 } };
	cr_assert_eq(hook_register(hooks, first, sizeof *first), 0);
	cr_assert_eq(hook_register(hooks, second, sizeof *second), 0);
	cr_assert_eq(hook_each(hooks, "x/1", call, NULL), 0);
	cr_assert_str_eq(trace, "cbac");
}

Test(hook, stops_when_a_visitor_says_so)
{
	struct hook_registry *hooks = hook_registry_create();
	static const struct uwsgi_hook rows[] = { { "x/1", a, 0 }, { "x/1", b, 0 }, { "x/1", c, 0 }, { 0 } };
	int left = 2;
	hook_register(hooks, rows, sizeof *rows);
	cr_assert_eq(hook_each(hooks, "x/1", call, &left), 7);
	cr_assert_str_eq(trace, "ab");
}

Test(hook, has_silence_for_a_name_nobody_listens_to)
{
	struct hook_registry *hooks = hook_registry_create();
	cr_assert_eq(hook_register(hooks, NULL, sizeof(struct uwsgi_hook)), 0);
	cr_assert_eq(hook_each(hooks, "x/1", call, NULL), 0);
	cr_assert_str_eq(trace, "");
}

Test(hook, takes_a_version_of_a_name_for_another_name)
{
	struct hook_registry *hooks = hook_registry_create();
	static const struct uwsgi_hook rows[] = { { "x/2", a, 0 }, { 0 } };
	hook_register(hooks, rows, sizeof *rows);
	hook_each(hooks, "x/1", call, NULL);
	cr_assert_str_eq(trace, "");
}

Test(hook, reads_rows_of_another_size)
{
	struct hook_registry *hooks = hook_registry_create();
	static const struct {
		struct uwsgi_hook row;
		long later;
	} larger[] = { { { "x/1", a, 0 }, 9 }, { { "x/1", b, 0 }, 9 }, { { 0 }, 0 } };
	cr_assert_eq(hook_register(hooks, &larger[0].row, sizeof *larger), 0);
	hook_each(hooks, "x/1", call, NULL);
	cr_assert_str_eq(trace, "ab");
}

Test(hook, rows_are_written_with_a_checked_type)
{
	static const struct uwsgi_hook row = UWSGI_HOOK("x/1", letter, a);
	cr_assert_eq(row.fn, (uwsgi_hook_fn *)a);
	cr_assert_eq(row.priority, 0);
}
