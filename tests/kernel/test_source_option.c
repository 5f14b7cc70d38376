/* What a source of signals in the configuration means. */
#include <criterion/criterion.h>
#include <string.h>

#include "source_option.h"

Test(source_option, a_timer_is_a_signal_and_seconds)
{
	struct uwsgi_source source;
	cr_assert_null(source_option_parse(SOURCE_FORM_TIMER, "17 30", &source));
	cr_expect_eq(source.type, UWSGI_SOURCE_TIMER);
	cr_expect_eq(source.number, 17);
	cr_expect_eq(source.period_ms, 30000);
	cr_expect_eq(source.times, 0);
	cr_assert_null(source_option_parse(SOURCE_FORM_TIMER, " 255  999999999 ", &source));
	cr_expect_eq(source.number, 255);
	cr_expect_eq(source.period_ms, 999999999000);
}

Test(source_option, an_rbtimer_may_have_iterations)
{
	struct uwsgi_source source;
	cr_assert_null(source_option_parse(SOURCE_FORM_RBTIMER, "0 1 3", &source));
	cr_expect_eq(source.number, 0);
	cr_expect_eq(source.period_ms, 1000);
	cr_expect_eq(source.times, 3);
	cr_assert_null(source_option_parse(SOURCE_FORM_RBTIMER, "0 1", &source));
	cr_expect_eq(source.times, 0, "for ever");
}

Test(source_option, a_touched_file_is_all_before_the_last_word)
{
	struct uwsgi_source source;
	cr_assert_null(source_option_parse(SOURCE_FORM_TOUCH, "/tmp/a file 9", &source));
	cr_expect_eq(source.type, UWSGI_SOURCE_FILE);
	cr_expect_eq(source.number, 9);
	cr_expect_str_eq(source.path, "/tmp/a file");
}

Test(source_option, says_what_is_wrong)
{
	static const struct {
		enum source_form form;
		const char *text, *wrong;
	} rows[] = {
		{ SOURCE_FORM_TIMER, "", "signum seconds" },
		{ SOURCE_FORM_TIMER, "1", "signum seconds" },
		{ SOURCE_FORM_TIMER, "one 1", "signum seconds" },
		{ SOURCE_FORM_TIMER, "1 2x", "signum seconds" },
		{ SOURCE_FORM_TIMER, "1 2.5", "signum seconds" },
		{ SOURCE_FORM_TIMER, "1 9999999999", "signum seconds" },
		{ SOURCE_FORM_TIMER, "1 2 3", "signum seconds" },
		{ SOURCE_FORM_TIMER, "1 +", "signum seconds" },
		{ SOURCE_FORM_TIMER, "256 1", "0 to 255" },
		{ SOURCE_FORM_TIMER, "-1 1", "0 to 255" },
		{ SOURCE_FORM_TIMER, "1 0", "at least one second" },
		{ SOURCE_FORM_TIMER, "1 -1", "at least one second" },
		{ SOURCE_FORM_RBTIMER, "1 1 x", "signum seconds[ iterations]" },
		{ SOURCE_FORM_RBTIMER, "1 1 -1", "1 or more" },
		{ SOURCE_FORM_RBTIMER, "1 9999999999", "signum seconds[ iterations]" },
		{ SOURCE_FORM_RBTIMER, "1 1 1 1", "signum seconds[ iterations]" },
		{ SOURCE_FORM_TOUCH, "file", "file signum" },
		{ SOURCE_FORM_TOUCH, " 9", "file signum" },
		{ SOURCE_FORM_TOUCH, "file ", "file signum" },
		{ SOURCE_FORM_TOUCH, "file 9a", "file signum" },
		{ SOURCE_FORM_TOUCH, "file 256", "0 to 255" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct uwsgi_source source;
		const char *wrong = source_option_parse(rows[i].form, rows[i].text, &source);
		cr_expect(wrong && strstr(wrong, rows[i].wrong), "\"%s\": %s", rows[i].text, wrong ? wrong : "right");
	}
}

Test(source_option, refuses_a_path_a_source_has_no_room_for)
{
	struct uwsgi_source source;
	char text[sizeof source.path + 8];
	memset(text, 'x', sizeof text);
	strcpy(text + sizeof source.path - 1, " 9");
	cr_expect_null(source_option_parse(SOURCE_FORM_TOUCH, text, &source));
	text[sizeof source.path - 1] = 'x';
	strcpy(text + sizeof source.path, " 9");
	cr_expect_not_null(source_option_parse(SOURCE_FORM_TOUCH, text, &source));
}
