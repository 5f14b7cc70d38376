#include "config_xml.h"

#include <criterion/criterion.h>
#include <errno.h>

#define PARSE config_xml_parse
#include "config_format.h"

Test(config_xml, reads_keys_of_the_section)
{
	static const struct {
		const char *section, *text, *seen;
	} cases[] = {
		{ "uwsgi", "<uwsgi>\n<socket>:1</socket>\n<master/></uwsgi>", "2:socket=:1|3:master=1|" },
		{ "uwsgi", "<uwsgi><a> x </a><b>&lt;</b><c></c></uwsgi>", "1:a= x |1:b=<|1:c=1|" },
		{ "uwsgi", "<conf><other><a>1</a></other><uwsgi><a>2</a></uwsgi><uwsgi><a>3</a></uwsgi></conf>",
		  "1:a=2|" },
		{ "dev", "<c><uwsgi id='x'><a>1</a></uwsgi><uwsgi id='dev'><a>2</a></uwsgi></c>", "1:a=2|" },
		{ "uwsgi", "<uwsgi><app mountpoint='/b'>\n<script>blog</script></app><a/></uwsgi>",
		  "2:mount=/b=blog|2:a=1|" },
		{ "uwsgi", "<uwsgi><a>x<![CDATA[<y>]]></a></uwsgi>", "1:a=x<y>|" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_expect_eq(read_text(cases[i].text, cases[i].section), 0, "%s", error);
		cr_expect_str_eq(seen, cases[i].seen);
	}
}

Test(config_xml, says_on_which_line_it_is_wrong)
{
	cr_assert_eq(read_text("<uwsgi>\n<a>1</b></uwsgi>", "uwsgi"), -EINVAL);
	cr_assert_str_eq(error, "line 2: mismatched tag");
	cr_assert_eq(read_text("<uwsgi><a>\n<b>1</b></a></uwsgi>", "uwsgi"), -EINVAL);
	cr_assert_str_eq(error, "line 2: an option cannot hold another element");
	cr_assert_eq(read_text("<uwsgi><app mountpoint='/x'></app></uwsgi>", "uwsgi"), -EINVAL);
	cr_assert_eq(read_text("", "uwsgi"), -EINVAL);
}

Test(config_xml, says_when_the_section_is_missing)
{
	cr_assert_eq(read_text("<conf><a>1</a></conf>", "uwsgi"), -ENOENT);
	cr_assert_eq(read_text("<uwsgi><a>1</a></uwsgi>", "dev"), -ENOENT);
}
