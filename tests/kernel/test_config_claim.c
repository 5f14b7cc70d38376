/* Words of the command line that options claim by their endings. */
#include <criterion/criterion.h>
#include <string.h>

#include "config_parts.h"

static const char *file, *module;

static const struct uwsgi_option rows[] = {
	{ "plain", .type = UWSGI_OPT_STR, .value = &file },
	{ "file", .type = UWSGI_OPT_STR, .value = &file, .claims = ".py .wsgi" },
	{ "module", .type = UWSGI_OPT_STR, .value = &module, .claims = ":" },
	{ 0 },
};

static struct config config;
static int asked;

/* A plugin that is loaded when its ending is asked for. */
static bool autoload(void *ctx, const char *what, const char *name)
{
	static const struct uwsgi_option late[] = {
		{ "script", .type = UWSGI_OPT_STR, .value = &file, .claims = ".lua" },
		{ 0 },
	};
	(void)ctx;
	asked++;
	if (strcmp(what, "claim") || strcmp(name, ".lua"))
		return false;
	return option_register(config.host.options, "late", late, sizeof *late, NULL) == 0;
}

static void setup(void)
{
	config.host.options = option_registry_create();
	cr_assert_eq(option_register(config.host.options, "test", rows, sizeof *rows, NULL), 0);
}

TestSuite(config_claim, .init = setup);

static const char *claimant(const char *word)
{
	const struct uwsgi_option *opt = config_claimant(&config, word);
	return opt ? opt->name : "";
}

Test(config_claim, an_ending_belongs_to_the_option_that_lists_it)
{
	cr_assert_str_eq(claimant("app.py"), "file");
	cr_assert_str_eq(claimant("a.b/site.wsgi"), "file");
	cr_assert_str_eq(claimant("app.pyc"), "");
	cr_assert_str_eq(claimant("app.p"), "");
	cr_assert_str_eq(claimant(".py/app"), "");
}

Test(config_claim, what_follows_a_colon_does_not_hide_the_ending)
{
	cr_assert_str_eq(claimant("app.py:main"), "file");
	cr_assert_str_eq(claimant("/srv/app.py:main"), "file");
}

Test(config_claim, a_pair_of_names_belongs_to_the_option_that_claims_pairs)
{
	cr_assert_str_eq(claimant("pkg.mod:main"), "module");
	cr_assert_str_eq(claimant("dir/mod:main"), "", "a path is no name");
	cr_assert_str_eq(claimant(":main"), "");
	cr_assert_str_eq(claimant("mod:"), "");
}

Test(config_claim, words_without_ending_belong_to_nobody)
{
	cr_assert_str_eq(claimant(""), "");
	cr_assert_str_eq(claimant("word"), "");
	cr_assert_str_eq(claimant("x.anendingthatislongerthananyis"), "");
}

Test(config_claim, a_plugin_is_loaded_for_the_ending_it_claims)
{
	config.host.autoload = autoload;
	cr_assert_str_eq(claimant("app.py"), "file");
	cr_assert_eq(asked, 0, "nobody is asked for what is known");
	cr_assert_str_eq(claimant("app.lua"), "script");
	cr_assert_str_eq(claimant("app.txt"), "");
}
