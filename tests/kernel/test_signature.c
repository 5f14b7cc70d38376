/* The text of a signature: what it says is read, and what it may not say is refused with its place. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "signature.h"

static struct signature parsed;
static char why[200];

static int parse(const char *text)
{
	why[0] = '\0';
	return signature_parse(text, &parsed, why, sizeof why);
}

static bool named(unsigned i, const char *name)
{
	return parsed.params[i].name.n == strlen(name) && !memcmp(parsed.params[i].name.p, name, strlen(name));
}

Test(signature, reads_names_types_defaults_and_the_result)
{
	cr_assert_eq(parse("(key: bytes, n: int = -3, cache: str = None) -> bytes | None"), 0, "%s", why);
	cr_assert_eq(parsed.count, 3);
	cr_assert_eq(parsed.required, 1);
	cr_assert(named(0, "key") && named(1, "n") && named(2, "cache"));
	cr_assert_eq(parsed.params[1].value.u.i, -3);
	cr_assert(parsed.params[2].nullable && parsed.params[2].optional);
	cr_assert(!parsed.params[1].nullable);
	cr_assert_eq(parsed.returns, UWSGI_T_BYTES);
	cr_assert(parsed.returns_none);
}

Test(signature, reads_stars_and_strings)
{
	cr_assert_eq(parse("(a: text='x y', *rest: bytes, **more: any) -> None"), 0, "%s", why);
	cr_assert_eq(parsed.plain, 1);
	cr_assert_eq(parsed.params[0].value.u.s.n, 3);
	cr_assert_eq(parsed.params[1].star, UWSGI_STAR_REST);
	cr_assert_eq(parsed.params[2].star, UWSGI_STAR_KEYWORDS);
}

Test(signature, takes_no_parameters_at_all)
{
	cr_assert_eq(parse("() -> None"), 0);
	cr_assert_eq(parsed.count, 0);
}

Test(signature, refuses_what_it_may_not_say)
{
	static const char *const bad[] = {
		"",
		"(",
		"()",
		"() ->",
		"() -> nothing",
		"() -> int x",
		"(a) -> int",
		"(a: int -> int",
		"(: int) -> int",
		"(a: int, a: int) -> int",
		"(a: int = 1, b: int) -> int",
		"(a: int = 'x') -> int",
		"(a: int = x) -> int",
		"(a: str = 'x) -> int",
		"(*a: int, b: int) -> int",
		"(**a: int, *b: int) -> int",
		"(*a: int = 1) -> int",
		"(a: int | str) -> int",
		"(1a: int) -> int",
		"(a: int,) -> int",
		"(a: int = 99999999999999999999) -> int",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cr_assert_eq(parse(bad[i]), -EINVAL, "%s was accepted", bad[i]);
		cr_assert(!strncmp(why, "column ", 7), "%s: %s", bad[i], why);
	}
}

Test(signature, refuses_more_parameters_than_a_call_can_carry)
{
	char text[512] = "(a0: int";
	for (int i = 1; i <= UWSGI_PARAMS_MAX; i++)
		sprintf(text + strlen(text), ", a%d: int", i);
	strcat(text, ") -> int");
	cr_assert_eq(parse(text), -EINVAL);
}
