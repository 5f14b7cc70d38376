#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "config.h"
#include "config_known.h"
#include "option.h"
#include "settings.h"

static struct known_list upstream(void)
{
	struct known_list list = { 0 };
	cr_assert_eq(known_load(&list, UPSTREAM_OPTIONS), 0);
	return list;
}

Test(config_known, has_every_option_of_upstream)
{
	struct known_list list = upstream();
	cr_assert_eq(list.n, 1337);
	cr_assert_eq(list.private_keys.n, 8);
	static const char *const some[] = { "socket", "processes", "harakiri", "master", "legion", "ugreen", "route" };
	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		cr_expect_not_null(known_find(&list, some[i]), "%s", some[i]);
	cr_assert_null(known_find(&list, "vaccum"));
}

Test(config_known, describes_every_option)
{
	struct known_list list = upstream();
	for (size_t i = 0; i < list.n; i++) {
		cr_expect(*list.v[i].meaning, "%s has no meaning", list.v[i].name);
		cr_expect(*list.v[i].group, "%s has no group", list.v[i].name);
	}
	cr_assert_eq(known_find(&list, "harakiri")->letter, 't');
	cr_assert_eq(known_find(&list, "harakiri")->arg, UWSGI_ARG_REQUIRED);
	cr_assert_eq(known_find(&list, "harakiri-verbose")->arg, UWSGI_ARG_NONE);
	cr_assert_str_eq(known_find_letter(&list, 't')->name, "harakiri");
}

Test(config_known, agrees_with_the_kernel_about_arguments)
{
	/* An option that swallows the next word on one of the two servers only would break command lines. */
	struct known_list list = upstream();
	struct settings settings;
	struct option_registry *reg = option_registry_create();
	cr_assert_eq(settings_register(&settings, reg), 0);
	cr_assert_not_null(config_create(&(struct config_host){ .options = reg }));
	for (size_t i = 0; i < list.n; i++) {
		const struct uwsgi_option *ours = option_find(reg, list.v[i].name);
		/* "else" takes no value in any file there is. */
		if (!ours || ours->alias_of || !strcmp(ours->name, "else"))
			continue;
		cr_expect_eq(option_arg(ours) == UWSGI_ARG_REQUIRED, list.v[i].arg == UWSGI_ARG_REQUIRED, "%s",
			     list.v[i].name);
		if (list.v[i].letter)
			cr_expect_not_null(option_find_letter(reg, list.v[i].letter), "-%c of %s", list.v[i].letter,
					   list.v[i].name);
	}
}

Test(config_known, reports_a_missing_file)
{
	struct known_list list = { 0 };
	cr_assert_eq(known_load(&list, "/nonexistent/list"), -ENOENT);
	cr_assert(list.loaded);
}

Test(config_known, counts_edits_between_words)
{
	static const struct {
		const char *a, *b;
		size_t edits;
	} cases[] = {
		{ "vaccum", "vacuum", 1 },
		{ "vacum", "vacuum", 1 },
		{ "deamonize", "daemonize", 1 },
		{ "process", "processes", 2 },
		{ "buffer_size", "buffer-size", 0 },
		{ "thread", "threads", 1 },
		{ "", "abc", 3 },
		{ "same", "same", 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		cr_expect_eq(word_distance(cases[i].a, cases[i].b), cases[i].edits, "%s %s", cases[i].a, cases[i].b);
	cr_assert_eq(word_tolerance("js"), 0);
	cr_assert_eq(word_tolerance("port"), 1);
}
