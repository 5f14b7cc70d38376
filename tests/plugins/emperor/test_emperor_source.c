/* Where vassals come from: the text of an option, and the names of files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emperor.h"

Test(emperor_source, reads_directories_and_patterns)
{
	static const struct {
		const char *text, *path;
		bool is_glob;
	} rows[] = {
		{ "/etc/uwsgi/vassals", "/etc/uwsgi/vassals", false },
		{ "dir:///etc/uwsgi", "/etc/uwsgi", false },
		{ "dir://a*b", "a*b", false },
		{ "/etc/uwsgi/*.ini", "/etc/uwsgi/*.ini", true },
		{ "/etc/?/x.ini", "/etc/?/x.ini", true },
		{ "/etc/[ab].ini", "/etc/[ab].ini", true },
		{ "glob:///etc/x.ini", "/etc/x.ini", true },
	};
	struct source source;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_assert_null(source_parse(rows[i].text, &source), "%s", rows[i].text);
		cr_expect_str_eq(source.path, rows[i].path);
		cr_expect_eq(source.is_glob, rows[i].is_glob, "%s", rows[i].text);
	}
	static const char *const wrong[] = { "", "dir://", "glob://", "pg://host", "amqp://h/x", "zmq://tcp://x" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		cr_expect_not_null(source_parse(wrong[i], &source), "%s", wrong[i]);
}

Test(emperor_source, knows_vassals_by_their_suffix)
{
	static const char *const more[] = { ".conf", "" };
	const struct uwsgi_strings extra = { (const char **)more, 2 };
	static const struct {
		const char *name, *option;
	} rows[] = {
		{ "a.ini", "--ini" },	   { "a.xml", "--xml" },   { "a.yml", "--yaml" },
		{ "a.yaml", "--yaml" },	   { "a.json", "--json" }, { "a.js", "--json" },
		{ "/x/a.b.ini", "--ini" }, { "a.conf", "--ini" },  { ".ini", NULL },
		{ ".a.ini", NULL },	   { "/x/.a.ini", NULL },  { "ini", NULL },
		{ "a.ini~", NULL },	   { "a.ini.bak", NULL },  { "a", NULL },
		{ "a.INI", NULL },	   { "/x.ini/a", NULL },   { "a.ini.socket", NULL },
		{ "a\nb.ini", NULL },	   { "a\033b.ini", NULL }, { "\303\244.ini", "--ini" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *option = source_format(rows[i].name, &extra);
		cr_expect(option == rows[i].option || (option && rows[i].option && !strcmp(option, rows[i].option)),
			  "%s: %s", rows[i].name, option ? option : "none");
	}
}

static void count(const struct found *found, void *data)
{
	(void)found;
	(*(int *)data)++;
}

Test(emperor_source, tells_an_empty_directory_from_one_that_cannot_be_read)
{
	static const struct emperor_options options;
	char dir[] = "/tmp/test_emperor_XXXXXX", file[64];
	struct source source = { mkdtemp(dir), false };
	int n = 0;
	cr_expect_eq(source_scan(&source, &options, count, &n), 0);
	cr_expect_eq(n, 0);
	snprintf(file, sizeof file, "%s/a.ini", dir);
	fclose(fopen(file, "w"));
	cr_expect_eq(source_scan(&source, &options, count, &n), 0);
	cr_expect_eq(n, 1);
	struct source pattern = { file, true };
	cr_expect_eq(source_scan(&pattern, &options, count, &n), 0);
	cr_expect_eq(n, 2);
	unlink(file);
	cr_expect_eq(source_scan(&pattern, &options, count, &n), 0);
	rmdir(dir);
	cr_expect_lt(source_scan(&source, &options, count, &n), 0);
	cr_expect_eq(n, 2);
}
