#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_expand.h"

static const struct {
	const char *key, *value;
} keys[] = {
	{ "num", "3" },		{ "foo", "bar" }, { "nested", "%(foo)/%(num)" },
	{ "loop", "x%(loop)" }, { "empty", "" },  { "my_project", "blog" },
};

static const char *lookup(void *ctx, const char *name)
{
	(void)ctx;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (!strcmp(keys[i].key, name))
			return keys[i].value;
	return NULL;
}

Test(config_expand, replaces_placeholders_and_does_arithmetic)
{
	static const struct {
		const char *text, *result;
	} cases[] = {
		{ "plain", "plain" },
		{ "%(foo)", "bar" },
		{ "/srv/%(my_project)/%(foo).sock", "/srv/blog/bar.sock" },
		{ "%(unknown)", "%(unknown)" },
		{ "%(_)", "%(_)" },
		{ "%(nested)", "bar/3" },
		{ "%(empty)", "" },
		{ "%(num + 2)", "5" },
		{ "%(num * 2 - 1)", "5" },
		{ "%(4 * 2)", "8" },
		{ "%(num / 0)", "0" },
		{ "%(num++)", "4" },
		{ "%(num--)", "2" },
		{ "%(num foo)", "3bar" },
		{ "%((num * 2) + 1)", "7" },
		{ "%(2 * (num + 1))", "8" },
		{ "%(open", "%(open" },
		{ "100%", "100%" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char error[128], *result = expand_placeholders(cases[i].text, lookup, NULL, error, sizeof error);
		cr_expect_str_eq(result, cases[i].result, "%s gave %s", cases[i].text, result);
		free(result);
	}
}

Test(config_expand, refuses_a_key_that_contains_itself)
{
	char error[128];
	cr_assert_null(expand_placeholders("%(loop)", lookup, NULL, error, sizeof error));
	cr_assert_neq(strstr(error, "contains itself"), NULL);
}

Test(config_expand, replaces_environment_variables)
{
	static const struct {
		const char *text, *result;
	} cases[] = {
		{ "$(SET)", "value" },	       { ":$(PORT_)", ":8080" },     { "$(UNSET_)", "$(UNSET_)" },
		{ "$(UNSET_:-dflt)", "dflt" }, { "$(UNSET_-dflt)", "dflt" }, { "$(EMPTY:-dflt)", "dflt" },
		{ "$(EMPTY-dflt)", "" },       { "$(SET:-dflt)", "value" },  { "$HOME", "$HOME" },
		{ "$(UNSET_:-)", "" },
	};
	setenv("SET", "value", 1);
	setenv("PORT_", "8080", 1);
	setenv("EMPTY", "", 1);
	unsetenv("UNSET_");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *result = expand_environment(cases[i].text);
		cr_expect_str_eq(result, cases[i].result);
		free(result);
	}
}

Test(config_expand, reads_files_and_commands_without_one_last_newline)
{
	char path[] = "/tmp/test_config_expand_XXXXXX", text[64], error[128];
	int fd = mkstemp(path);
	cr_assert_eq(write(fd, "two\n\n", 5), 5);
	close(fd);
	snprintf(text, sizeof text, "a @(%s)b", path);
	cr_assert_str_eq(expand_resources(text, error, sizeof error), "a two\nb");
	cr_assert_str_eq(expand_resources("@(exec://echo hi)", error, sizeof error), "hi");
	unlink(path);
}

Test(config_expand, says_which_resource_cannot_be_read)
{
	char error[128];
	cr_assert_null(expand_resources("@(/nonexistent/x)", error, sizeof error));
	cr_assert_str_eq(error, "cannot read @(/nonexistent/x): No such file or directory");
	cr_assert_null(expand_resources("@(other://host/x)", error, sizeof error));
	cr_assert_neq(strstr(error, "not there yet"), NULL);
}
