#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_magic.h"

static char *magic(const char *text)
{
	const struct config_file file = { "sub/app.v2.ini", "/etc/site/sub/app.v2.ini", "dev" };
	const struct config_file first = { "/first.ini", "/first.ini", "uwsgi" };
	size_t len;
	return config_magic(text, strlen(text), &file, &first, "3.0", &len);
}

Test(config_magic, tells_a_file_where_it_is)
{
	static const struct {
		const char *text, *result;
	} cases[] = {
		{ "%p", "/etc/site/sub/app.v2.ini" },
		{ "%o", "sub/app.v2.ini" },
		{ "%s", "app.v2.ini" },
		{ "%d", "/etc/site/sub/" },
		{ "%dx", "/etc/site/sub/x" },
		{ "%c", "sub" },
		{ "%e", "ini" },
		{ "%n", "app.v2" },
		{ "%x", "dev" },
		{ "%0/%1/%2/%3", "etc/site/sub/" },
		{ "%P %O %N %X", "/first.ini /first.ini first uwsgi" },
		{ "%V", "3.0" },
		{ "%%d", "%d" },
		{ "%(key)", "%(key)" },
		{ "%[[31m", "\033[31m" },
		{ "%w%W%q", "" },
		{ "100%", "100%" },
		{ "5% of", "5% of" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *result = magic(cases[i].text);
		cr_expect_str_eq(result, cases[i].result, "%s gave %s", cases[i].text, result);
		free(result);
	}
}

Test(config_magic, knows_the_host)
{
	char text[64];
	snprintf(text, sizeof text, "%ld %u", sysconf(_SC_NPROCESSORS_ONLN), getuid());
	cr_assert_str_eq(magic("%k %u"), text);
}

Test(config_magic, has_nothing_for_capitals_without_a_first_file)
{
	size_t len;
	const struct config_file file = { "a.ini", "/a.ini", "uwsgi" }, none = { 0 };
	cr_assert_str_eq(config_magic("[%D]", 4, &file, &none, NULL, &len), "[]");
}
