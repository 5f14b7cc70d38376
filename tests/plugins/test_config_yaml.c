#include "config_yaml.h"

#include <criterion/criterion.h>
#include <errno.h>

#define PARSE config_yaml_parse
#include "config_format.h"

Test(config_yaml, reads_keys_of_the_section)
{
	static const struct {
		const char *section, *text, *seen;
	} cases[] = {
		{ "uwsgi", "uwsgi:\n  socket: :8000\n  master: true\n", "2:socket=:8000|3:master=true|" },
		{ "uwsgi", "uwsgi:\n  env: [A=1, B=2]\n  mule:\n    - one\n    - two\n",
		  "2:env=A=1|2:env=B=2|4:mule=one|5:mule=two|" },
		{ "uwsgi", "uwsgi:\n  a: 1\n  a: 2\n  empty:\n  q: 'it''s'\n", "2:a=1|3:a=2|5:q=it's|" },
		{ "uwsgi", "uwsgi:\n  pidfile: %(name).pid\n  x: a%(b)\n  y: @(f)\n",
		  "2:pidfile=%(name).pid|3:x=a%(b)|4:y=@(f)|" },
		{ "dev", "uwsgi:\n  a: 1\ndev:\n  a: 2\n", "4:a=2|" },
		{ "uwsgi", "uwsgi:\n  pythonpath   : /srv/\n", "2:pythonpath=/srv/|" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_expect_eq(read_text(cases[i].text, cases[i].section), 0, "%s", error);
		cr_expect_str_eq(seen, cases[i].seen);
	}
}

Test(config_yaml, says_on_which_line_it_is_wrong)
{
	cr_assert_eq(read_text("uwsgi:\n  a: [1\n  b: 2\n", "uwsgi"), -EINVAL);
	cr_assert_eq(strncmp(error, "line ", 5), 0, "%s", error);
	cr_assert_eq(read_text("uwsgi: text\n", "uwsgi"), -EINVAL);
	cr_assert_str_eq(error, "line 1: \"uwsgi\" is no mapping");
}

Test(config_yaml, says_when_the_section_is_missing)
{
	cr_assert_eq(read_text("other:\n  a: 1\n", "uwsgi"), -ENOENT);
	cr_assert_eq(read_text("", "uwsgi"), -ENOENT);
}
