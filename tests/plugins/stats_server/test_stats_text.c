/* What a map becomes on its way to a client. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "stats_server.h"

static char *text_of(const struct uwsgi_value *map, bool minified)
{
	size_t len;
	char *text = stats_json(map, minified, &len);
	cr_assert_not_null(text);
	cr_assert_eq(len, strlen(text));
	return text;
}

Test(stats_text, writes_every_type_in_order)
{
	struct uwsgi_value map = { 0 };
	uwsgi_value_set_map(&map);
	uwsgi_add_str(&map, "version", "3", 1);
	uwsgi_add_int(&map, "big", INT64_MAX);
	uwsgi_add_float(&map, "last", 1763740000.123);
	uwsgi_add_bool(&map, "yes", true);
	uwsgi_add_none(&map, "none");
	uwsgi_add_bytes(&map, "bytes", "a\"b\n", 4);
	struct uwsgi_value *list = uwsgi_add_list(&map, "list");
	uwsgi_add_int(uwsgi_add_map(list, NULL), "id", 1);
	uwsgi_add_map(list, NULL);
	char *text = text_of(&map, true);
	cr_expect_str_eq(text, "{\"version\":\"3\",\"big\":9223372036854775807,\"last\":1763740000.123,\"yes\":true,"
			       "\"none\":null,\"bytes\":\"a\\\"b\\n\",\"list\":[{\"id\":1},{}]}");
	free(text);
	uwsgi_value_clear(&map);
}

Test(stats_text, writes_one_key_a_line_unless_it_is_minified)
{
	struct uwsgi_value map = { 0 };
	uwsgi_value_set_map(&map);
	uwsgi_add_int(&map, "pid", 7);
	uwsgi_add_int(&map, "uid", 0);
	char *text = text_of(&map, false);
	cr_expect_str_eq(text, "{\n    \"pid\":7,\n    \"uid\":0\n}");
	free(text);
	uwsgi_value_clear(&map);
}

Test(stats_text, writes_what_is_no_utf8_as_something_that_is)
{
	struct uwsgi_value map = { 0 };
	uwsgi_value_set_map(&map);
	uwsgi_add_str(&map, "cwd", "/srv/\xff\xfe/x", 9);
	char *text = text_of(&map, true);
	cr_expect_str_eq(text, "{\"cwd\":\"/srv/\?\?/x\"}");
	free(text);
	uwsgi_value_clear(&map);
}

Test(stats_text, goes_with_a_head_to_who_speaks_http)
{
	size_t len;
	char *plain = stats_answer("{}", 2, false, true, &len);
	cr_expect(len == 3 && !memcmp(plain, "{}\n", 3));
	char *http = stats_answer("{}", 2, true, false, &len);
	static const char expected[] = "HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
				       "Content-Length: 3\r\n\r\n{}\n";
	cr_expect(len == sizeof expected - 1 && !memcmp(http, expected, len));
	char *open = stats_answer("{}", 2, true, true, &len);
	cr_expect_not_null(strstr(strndup(open, len), "\r\nAccess-Control-Allow-Origin: *\r\n"));
	free(plain);
	free(http);
	free(open);
}

Test(stats_text, knows_a_request_of_http)
{
	static const struct {
		const char *said;
		bool is;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n", true }, { "GET ", true }, { "GET", false }, { "", false }, { "get /", false },
		{ "\x16\x03\x01", false }
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(stats_is_http(rows[i].said, strlen(rows[i].said)), rows[i].is, "%s", rows[i].said);
}
