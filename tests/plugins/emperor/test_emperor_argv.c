/* The command line of a vassal. */
#include <criterion/criterion.h>

#include "emperor.h"

static struct uwsgi_strings list(const char **v, size_t n)
{
	return (struct uwsgi_strings){ v, n };
}

static void expect(const struct emperor_options *options, const char *const *words)
{
	const char **argv = vassal_argv(options, "/bin/uwsgi", "--ini", "a.ini");
	size_t i = 0;
	for (; words[i] && argv[i]; i++)
		cr_expect_str_eq(argv[i], words[i]);
	cr_expect_eq(words[i], argv[i], "one has more words, at %zu", i);
}

Test(emperor_argv, is_short_when_nothing_is_asked)
{
	expect(&(struct emperor_options){ 0 }, (const char *const[]){ "/bin/uwsgi", "--ini", "a.ini", NULL });
}

Test(emperor_argv, has_everything_in_its_order)
{
	const struct emperor_options options = {
		.include_before = list((const char *[]){ "ib1", "ib2" }, 2),
		.inherit_before = list((const char *[]){ "hb" }, 1),
		.set = list((const char *[]){ "a=1", "b=2" }, 2),
		.include = list((const char *[]){ "i" }, 1),
		.inherit = list((const char *[]){ "h" }, 1),
	};
	expect(&options, (const char *const[]){ "/bin/uwsgi", "--inherit", "hb", "--include", "ib1", "--include", "ib2",
						"--set", "a=1", "--set", "b=2", "--ini", "a.ini", "--inherit", "h",
						"--include", "i", NULL });
}
