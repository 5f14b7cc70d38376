/* Manifests: found by what they say, in the order of their names, nothing else is taken for one; and what they say. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../double/folder.h"
#include "plugin_manifest.h"

static char dir[] = "/tmp/test_manifest_XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *file = fopen(path, "w");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_dir(void)
{
	folder_make(dir);
	write_file("beta_plugin.manifest", "alias b\noption beta\noption shared\noption-letter B\n");
	write_file("alpha_plugin.manifest", "format .a\noption shared\nprotocol p");
	write_file("gamma.manifest", "option gamma\n");
	write_file("_plugin.manifest", "option nameless\n");
	write_file("delta_plugin.manifest.old", "option delta\n");
}

static void remove_dir(void)
{
	folder_remove(dir);
}

TestSuite(plugin_manifest, .init = make_dir, .fini = remove_dir);

Test(plugin_manifest, tells_who_provides_what)
{
	static const struct {
		const char *what, *name, *plugin;
	} rows[] = {
		{ "option", "beta", "beta" }, { "alias", "b", "beta" },	      { "option-letter", "B", "beta" },
		{ "format", ".a", "alpha" },  { "protocol", "p", "alpha" },   { "option", "shared", "alpha" },
		{ "option", "bet", NULL },    { "option", "betas", NULL },    { "option", "", NULL },
		{ "optio", "n beta", NULL },  { "option", "B", NULL },	      { "format", "beta", NULL },
		{ "option", "gamma", NULL },  { "option", "nameless", NULL }, { "option", "delta", NULL },
		{ "option", "beta\n", NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char path[256] = "untouched", want[256] = "untouched";
		if (rows[i].plugin)
			snprintf(want, sizeof want, "%s/%s_plugin.so", dir, rows[i].plugin);
		bool found = manifest_find(dir, rows[i].what, rows[i].name, path, sizeof path);
		cr_expect_eq(found, rows[i].plugin != NULL, "%s %s", rows[i].what, rows[i].name);
		cr_expect_str_eq(path, want);
	}
}

Test(plugin_manifest, takes_the_tail_of_a_long_line_for_no_line_of_its_own)
{
	char path[256], text[700];
	/* a reader with 511 bytes a turn would begin its second turn at the option */
	memset(text, 'x', sizeof text);
	strcpy(text + 511, "option hidden\noption after\n");
	write_file("long_plugin.manifest", text);
	cr_assert_not(manifest_find(dir, "option", "hidden", path, sizeof path));
	cr_assert(manifest_find(dir, "option", "after", path, sizeof path));
}

Test(plugin_manifest, finds_nothing_where_there_is_nothing)
{
	char path[256];
	cr_assert_not(manifest_find("/nonexistent", "option", "beta", path, sizeof path));
}

Test(plugin_manifest, gives_no_path_that_was_cut)
{
	char path[12];
	cr_assert_not(manifest_find(dir, "option", "beta", path, sizeof path));
}

static char walked[512];

static void note(const char *plugin, void *data)
{
	cr_assert_str_eq(data, "data");
	snprintf(walked + strlen(walked), sizeof walked - strlen(walked), "%s ", strrchr(plugin, '/') + 1);
}

Test(plugin_manifest, names_every_plugin_that_has_one)
{
	manifest_each(dir, note, "data");
	cr_assert_str_eq(walked, "alpha_plugin.so beta_plugin.so ");
	manifest_each("/no/such/folder", note, "data");
	cr_assert_str_eq(walked, "alpha_plugin.so beta_plugin.so ");
}

/* ---- written ---- */

static char *printed(const struct uwsgi_plugin *table, const struct uwsgi_abi *abi)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	manifest_print(out, table, abi);
	fclose(out);
	return text;
}

Test(plugin_manifest, is_written_a_line_for_each_thing_a_plugin_provides)
{
	static const struct uwsgi_option options[] = { { "beta", .letter = 'b', .claims = ".py .wsgi" },
						       { "beta-plain" },
						       { 0 } };
	static const struct uwsgi_api_fn api[] = { { "beta_get" }, { "beta_set" }, { 0 } };
	static const struct uwsgi_config_format formats[] = { { "beta", .suffixes = ".b" }, { 0 } };
	static const struct uwsgi_protocol protocols[] = { { "betap" }, { 0 } };
	const struct uwsgi_plugin all = { .name = "beta",
					  .alias = "b  be",
					  .needs = "alpha",
					  .options = options,
					  .api = api,
					  .config_formats = formats,
					  .protocols = protocols };
	const struct uwsgi_plugin nothing = { .name = "beta" };
	const struct uwsgi_abi abi = UWSGI_ABI_INIT;
	cr_expect_str_eq(printed(&all, &abi),
			 "alias b\nalias be\noption beta\noption-letter b\nclaim .py\nclaim .wsgi\n"
			 "option beta-plain\napi beta_get\napi beta_set\n"
			 "format beta\nformat .b\nprotocol betap\n");
	cr_expect_str_eq(printed(&nothing, &abi), "");
}

Test(plugin_manifest, is_written_for_rows_of_another_width)
{
	/* an older header had options without claims, a later one protocols with more */
	struct old_option {
		char bytes[offsetof(struct uwsgi_option, claims)];
	} options[3] = { 0 };
	struct new_protocol {
		struct uwsgi_protocol row;
		const char *more;
	} protocols[] = { { { "one" }, "!" }, { { "two" }, "!" }, { { 0 }, 0 } };
	const char *names[] = { "old", "older" };
	struct uwsgi_abi abi = UWSGI_ABI_INIT;
	struct uwsgi_plugin table = { .name = "beta" };
	for (size_t i = 0; i < 2; i++)
		memcpy(&options[i], &names[i], sizeof names[i]);
	table.options = (const void *)options;
	table.protocols = (const void *)protocols;
	abi.option_size = sizeof options[0];
	abi.protocol_size = sizeof protocols[0];
	cr_expect_str_eq(printed(&table, &abi), "option old\noption older\nprotocol one\nprotocol two\n");
}
