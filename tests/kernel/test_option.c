#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "option.h"

static struct vars {
	bool yes, no, master, threads;
	int number, signed_number;
	int64_t bytes;
	const char *text;
	struct uwsgi_strings list;
} vars;

static int calls;

static int count(const char *key, const char *value, void *data)
{
	(void)key;
	(void)data;
	calls++;
	return *value ? 0 : -EINVAL;
}

static const struct uwsgi_option table[] = {
	{ .name = "yes", .value = &vars.yes },
	{ .name = "no", .type = UWSGI_OPT_NOT, .value = &vars.no },
	{ .name = "number", .letter = 'n', .type = UWSGI_OPT_INT, .value = &vars.number, .flags = UWSGI_OPT_MASTER },
	{ .name = "signed", .type = UWSGI_OPT_SINT, .value = &vars.signed_number },
	{ .name = "mb", .type = UWSGI_OPT_MB, .value = &vars.bytes },
	{ .name = "text", .type = UWSGI_OPT_STR, .value = &vars.text },
	{ .name = "list", .type = UWSGI_OPT_LIST, .value = &vars.list },
	{ .name = "call", .type = UWSGI_OPT_CALL, .apply = count },
	{ .name = "count", .letter = 'c', .alias_of = "number" },
	{ .name = "lost", .letter = 'x', .alias_of = "nowhere" },
	{ .name = "master", .value = &vars.master },
	{ 0 },
};

static struct option_registry *registry(void)
{
	struct option_registry *reg = option_registry_create();
	cr_assert_eq(option_register(reg, "test", table, sizeof *table, NULL), 0);
	return reg;
}

static int give(const char *key, const char *value)
{
	struct option_registry *reg = registry();
	return option_apply(reg, option_find(reg, key), key, value, "test");
}

Test(option, reads_booleans_as_upstream_does)
{
	static const struct {
		const char *text;
		bool value;
	} cases[] = { { NULL, true },	{ "", true },	  { "true", true },    { "false", false },
		      { "OFF", false }, { "No", false },  { "0", false },      { "00", true },
		      { "n", true },	{ "none", true }, { "true ; c", true } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_assert_eq(give("yes", cases[i].text), 0);
		cr_assert_eq(vars.yes, cases[i].value, "%s", cases[i].text);
		give("no", cases[i].text);
		cr_assert_eq(vars.no, !cases[i].value, "%s", cases[i].text);
	}
}

Test(option, reads_leading_digits_and_ignores_the_rest)
{
	static const struct {
		const char *text;
		int value;
	} cases[] = {
		{ "2", 2 }, { "2x", 2 }, { "1k", 1 }, { "abc", 0 }, { "", 0 }, { "1000 # x", 1000 }, { NULL, 1 }
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_assert_eq(give("number", cases[i].text), 0);
		cr_assert_eq(vars.number, cases[i].value, "%s", cases[i].text);
	}
}

Test(option, refuses_a_negative_number_and_keeps_the_old_one)
{
	vars.number = 7;
	cr_assert_eq(give("number", "-1"), -EINVAL);
	cr_assert_eq(vars.number, 7);
	cr_assert_eq(give("signed", "-1"), 0);
	cr_assert_eq(vars.signed_number, -1);
}

Test(option, refuses_a_number_that_does_not_fit)
{
	cr_assert_eq(give("number", "99999999999"), -ERANGE);
	cr_assert_eq(give("mb", "9223372036854775807"), -ERANGE);
}

Test(option, stores_megabytes_in_bytes)
{
	give("mb", "3");
	cr_assert_eq(vars.bytes, 3 << 20);
}

Test(option, keeps_text_as_it_is_and_appends_to_lists)
{
	give("text", " \"a b\" # c");
	cr_assert_str_eq(vars.text, " \"a b\" # c");
	give("list", "one");
	give("list", "two");
	cr_assert_eq(vars.list.n, 2);
	cr_assert_str_eq(vars.list.v[1], "two");
}

Test(option, returns_what_a_call_returns)
{
	cr_assert_eq(give("call", "x"), 0);
	cr_assert_eq(give("call", NULL), -EINVAL);
	cr_assert_eq(calls, 2);
}

Test(option, sets_the_master_when_a_row_needs_it)
{
	give("number", "1");
	cr_assert(vars.master);
}

Test(option, follows_aliases_by_name_and_letter)
{
	struct option_registry *reg = registry();
	cr_assert_str_eq(option_find(reg, "count")->name, "number");
	cr_assert_str_eq(option_find_letter(reg, 'c')->name, "number");
	cr_assert_null(option_find_letter(reg, 'q'));
	cr_assert_str_eq(option_find(reg, "lost")->alias_of, "nowhere");
}

Test(option, registers_all_of_a_table_or_nothing)
{
	struct option_registry *reg = registry();
	const struct uwsgi_option more[] = { { .name = "fresh", .value = &vars.yes },
					     { .name = "yes", .value = &vars.yes },
					     { 0 } };
	cr_assert_eq(option_register(reg, "other", more, sizeof *more, NULL), -EEXIST);
	cr_assert_null(option_find(reg, "fresh"));
	cr_assert_str_eq(option_find(reg, "yes")->name, "yes");
	const struct uwsgi_option bad[] = { { .name = "fresh" }, { 0 } };
	cr_assert_eq(option_register(reg, "other", bad, sizeof *bad, NULL), -EINVAL);
}

Test(option, accepts_smaller_rows_of_an_older_plugin)
{
	/* What the row was before alias_of and the fields after it came. */
	enum { OLD_SIZE = offsetof(struct uwsgi_option, alias_of) };
	char old[2 * OLD_SIZE] = { 0 };
	memcpy(old, &(struct uwsgi_option){ .name = "old", .value = &vars.yes }, OLD_SIZE);
	struct option_registry *reg = registry();
	cr_assert_eq(option_register(reg, "older", (const struct uwsgi_option *)(void *)old, OLD_SIZE, NULL), 0);
	cr_assert_eq(option_apply(reg, option_find(reg, "old"), "old", NULL, "test"), 0);
	cr_assert(vars.yes);
}

Test(option, finds_the_variable_of_a_table_with_a_base)
{
	struct vars mine = { 0 };
	const struct uwsgi_option rows[] = {
		{ .name = "first", .value = (void *)offsetof(struct vars, yes) },
		{ .name = "later", .type = UWSGI_OPT_INT, .value = (void *)offsetof(struct vars, number) },
		{ 0 },
	};
	struct option_registry *reg = option_registry_create();
	cr_assert_eq(option_register(reg, "base", rows, sizeof *rows, &mine), 0);
	option_apply(reg, option_find(reg, "first"), "first", NULL, "test");
	option_apply(reg, option_find(reg, "later"), "later", "5", "test");
	cr_assert(mine.yes);
	cr_assert_eq(mine.number, 5);
	option_registry_destroy(&reg);
	cr_assert_null(reg);
}

Test(option, holds_thousands_of_rows)
{
	struct option_registry *reg = option_registry_create();
	for (int i = 0; i < 3000; i++) {
		char *name = NULL;
		cr_assert_neq(asprintf(&name, "option-%d", i), -1);
		struct uwsgi_option rows[] = { { .name = name, .value = &vars.yes }, { 0 } };
		cr_assert_eq(option_register(reg, "many", rows, sizeof *rows, NULL), 0);
	}
	cr_assert_str_eq(option_find(reg, "option-0")->name, "option-0");
	cr_assert_str_eq(option_find(reg, "option-2999")->name, "option-2999");
}

Test(words, have_whole_words_only)
{
	cr_assert(words_have(".yml .yaml", ".yml"));
	cr_assert(words_have(".yml .yaml", ".yaml"));
	cr_assert_not(words_have(".yml .yaml", ".y"));
	cr_assert_not(words_have(".yml .yaml", "yaml"));
	cr_assert_not(words_have(".yml .yaml", ""));
	cr_assert_not(words_have(NULL, ".yml"));
}
