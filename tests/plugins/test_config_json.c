#include "config_json.h"

#include <criterion/criterion.h>
#include <errno.h>

#define PARSE config_json_parse
#include "config_format.h"

Test(config_json, reads_members_of_the_section)
{
	static const struct {
		const char *section, *text, *seen;
	} cases[] = {
		{ "uwsgi", "{\"uwsgi\": {\"socket\": \":1\", \"processes\": 4}}", "0:socket=:1|0:processes=4|" },
		{ "uwsgi", "{\"uwsgi\": {\"a\": true, \"b\": false, \"c\": null, \"d\": 1.5}}",
		  "0:a=1|0:b=0|0:c=0|0:d=1.5|" },
		{ "uwsgi", "{\"uwsgi\": {\"env\": [\"A=1\", \"B=2\"], \"o\": {\"x\": 1}}}", "0:env=A=1|0:env=B=2|" },
		{ "dev", "{\"uwsgi\": {\"a\": 1}, \"dev\": {\"a\": 2}}", "0:a=2|" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_expect_eq(read_text(cases[i].text, cases[i].section), 0, "%s", error);
		cr_expect_str_eq(seen, cases[i].seen);
	}
}

Test(config_json, says_on_which_line_it_is_wrong)
{
	cr_assert_eq(read_text("{\"uwsgi\": {\n\"a\": 1,\n}}", "uwsgi"), -EINVAL);
	cr_assert_eq(strncmp(error, "line 3: ", 8), 0, "%s", error);
	cr_assert_not_null(strstr(error, "is there a comma after the last one?"));
	cr_assert_eq(read_text("{\"uwsgi\": {\"a\": 1,\n\"a\": 2}}", "uwsgi"), -EINVAL);
	cr_assert_not_null(strstr(error, "duplicate"));
	cr_assert_eq(read_text("{\"uwsgi\": 1}", "uwsgi"), -EINVAL);
	cr_assert_str_eq(error, "\"uwsgi\" is no object");
}

Test(config_json, says_when_the_section_is_missing)
{
	cr_assert_eq(read_text("{}", "uwsgi"), -ENOENT);
	cr_assert_eq(read_text("[]", "uwsgi"), -ENOENT);
}
