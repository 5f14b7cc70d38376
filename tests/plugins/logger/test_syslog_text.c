/* How a message of syslog begins. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "syslog_text.h"

Test(syslog_text, begins_as_the_protocol_wants_it)
{
	char text[SYSLOG_HEAD_MAX];
	setenv("TZ", "UTC", 1);
	tzset();
	cr_assert_eq(syslog_head(text, 29, 1795272767, "myapp"), strlen(text));
	cr_assert_str_eq(text, "<29>Nov 21 14:52:47 myapp: ");
	syslog_head(text, 133, 1793750400, "x");
	cr_assert_str_eq(text, "<133>Nov  4 00:00:00 x: ", "the day is padded with a space: %s", text);
}

Test(syslog_text, cuts_a_name_that_is_too_long)
{
	char text[SYSLOG_HEAD_MAX], ident[1000];
	memset(ident, 'x', sizeof ident - 1);
	ident[sizeof ident - 1] = 0;
	cr_assert_lt(syslog_head(text, 191, 1795272767, ident), SYSLOG_HEAD_MAX);
	cr_assert_str_eq(text + strlen(text) - 2, ": ");
}

Test(syslog_text, knows_the_facilities)
{
	cr_assert_eq(syslog_facility("kern"), 0);
	cr_assert_eq(syslog_facility("daemon"), 3);
	cr_assert_eq(syslog_facility("LOCAL7"), 23);
	cr_assert_eq(syslog_facility("local8"), -1);
	cr_assert_eq(syslog_facility(""), -1);
}
