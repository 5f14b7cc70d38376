#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config_ini.h"

static char seen[1024];

static void note(void *ctx, const char *key, const char *value, int line)
{
	(void)ctx;
	size_t len = strlen(seen);
	snprintf(seen + len, sizeof seen - len, "%d:%s=%s|", line, key, value ? value : "<none>");
}

static int read_ini(const char *text, const char *section)
{
	char error[64];
	seen[0] = '\0';
	return config_ini_parse(text, strlen(text), section, note, NULL, error, sizeof error);
}

Test(config_ini, reads_each_line_as_upstream_does)
{
	static const struct {
		const char *text, *seen;
	} cases[] = {
		{ "[uwsgi]\na = 1\n", "2:a=1|" },
		{ "[uwsgi]\r\n\ta=1\r\n\r\n b = 2 \r\n", "2:a=1|4:b=2|" },
		{ "[uwsgi]\n;no\n#no\n  # no\na = b ; c\n", "5:a=b ; c|" },
		{ "[uwsgi]\na = \"q\"\n", "2:a=\"q\"|" },
		{ "[uwsgi]\nmaster\nmule =\n", "2:master=<none>|3:mule=|" },
		{ "[uwsgi]\na = b = c\n", "2:a=b = c|" },
		{ "[uwsgi]\na=1\n[other]\na=2\n[uwsgi]\na=3", "2:a=1|6:a=3|" },
		{ "[uwsgi] # text\na=1", "2:a=1|" },
		{ "[uwsgi\na=1", "2:a=1|" },
		{ "[uwsgi]\n= 1\n", "" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_expect_eq(read_ini(cases[i].text, "uwsgi"), 0);
		cr_expect_str_eq(seen, cases[i].seen);
	}
}

Test(config_ini, says_when_the_section_is_missing)
{
	cr_assert_eq(read_ini("a=1\n[uwsgi-production]\nb=1\n", "uwsgi"), -ENOENT);
	cr_assert_str_eq(seen, "");
	cr_assert_eq(read_ini("[x]\na=1", "x"), 0);
}

Test(config_ini, stops_at_the_length_it_was_given)
{
	char error[64];
	seen[0] = '\0';
	config_ini_parse("[uwsgi]\na=1\nb=2", 11, "uwsgi", note, NULL, error, sizeof error);
	cr_assert_str_eq(seen, "2:a=1|");
}
