/* What a line of cron means. */
#include <criterion/criterion.h>
#include <errno.h>

#include "cron_command.h"

static int parse(const char *text, bool keyed, struct cron_command *c)
{
	const char *why = NULL;
	int failed = cron_command_parse(text, keyed, c, &why);
	cr_assert(failed == 0 || why, "an error has a reason");
	return failed;
}

static void is(const struct cron_command *c, int minute, int hour, int day, int month, int weekday, const char *command)
{
	const int expected[] = { minute, hour, day, month, weekday };
	for (int i = 0; i < 5; i++)
		cr_expect_eq(c->spec.field[i], expected[i], "field %d of %s", i, command);
	cr_expect_str_eq(c->command, command);
}

Test(cron_command, is_five_numbers_and_the_rest)
{
	struct cron_command c;
	cr_assert_eq(parse("59 2 -1 -1 -1 /usr/bin/backup --all > /dev/null", false, &c), 0);
	is(&c, 59, 2, -1, -1, -1, "/usr/bin/backup --all > /dev/null");
	cr_assert_eq(parse("  -5   -1 1 12 7   echo  two  spaces", false, &c), 0);
	is(&c, -5, -1, 1, 12, 7, "echo  two  spaces");
	cr_assert_not(c.unique);
}

Test(cron_command, has_names_for_its_numbers)
{
	struct cron_command c;
	cr_assert_eq(parse("minute=5,hour=2,unique=1,harakiri=86400 ls -l", true, &c), 0);
	is(&c, 5, 2, -1, -1, -1, "ls -l");
	cr_assert(c.unique);
	cr_assert_eq(c.harakiri_s, 86400, "more than a field may be");
	cr_assert_eq(parse("week=0 true", true, &c), 0);
	is(&c, -1, -1, -1, -1, 0, "true");
}

Test(cron_command, is_refused_when_something_is_missing_or_no_number)
{
	struct cron_command c;
	static const char *const bad[] = {
		"", "5", "1 2 3 4 5", "1 2 3 4 5 ", "a 2 3 4 5 ls", "1 2 3 4 ls", "99999 1 1 1 1 ls"
	};
	static const char *const bad_keyed[] = {
		"", "minute=5", "minute ls", "minute=x ls", "colour=5 ls", "minute=5, ls"
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_eq(parse(bad[i], false, &c), -EINVAL, "\"%s\"", bad[i]);
	for (size_t i = 0; i < sizeof bad_keyed / sizeof *bad_keyed; i++)
		cr_expect_eq(parse(bad_keyed[i], true, &c), -EINVAL, "\"%s\"", bad_keyed[i]);
}
