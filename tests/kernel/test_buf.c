/* The byte buffer: it grows up to its bound, never beyond, and what is consumed is gone. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "buf.h"

Test(buf, is_empty_when_zero)
{
	struct buf b = { 0 };
	cr_assert_eq(buf_append(&b, "", 0, 0), 0);
	cr_assert_null(b.p);
	buf_consume(&b, 0);
	buf_free(&b);
	cr_assert_eq(b.cap, 0);
}

Test(buf, appends_and_consumes_from_the_front)
{
	struct buf b = { 0 };
	cr_assert_eq(buf_append(&b, "hello ", 6, 100), 0);
	cr_assert_eq(buf_append(&b, "world", 5, 100), 0);
	buf_consume(&b, 3);
	cr_assert_eq(b.len, 8);
	cr_assert(!memcmp(b.p, "lo world", 8));
	buf_consume(&b, 8);
	cr_assert_eq(b.len, 0);
	buf_free(&b);
}

Test(buf, keeps_its_content_while_it_grows)
{
	struct buf b = { 0 };
	for (int i = 0; i < 20000; i++) {
		unsigned char byte = (unsigned char)(i * 7);
		cr_assert_eq(buf_append(&b, &byte, 1, 20000), 0);
	}
	for (int i = 0; i < 20000; i++)
		cr_assert_eq((unsigned char)b.p[i], (unsigned char)(i * 7));
	cr_assert_geq(b.cap, b.len);
	buf_free(&b);
}

Test(buf, refuses_more_than_its_bound_and_stays_as_it_was)
{
	struct buf b = { 0 };
	static const struct {
		size_t more, max;
		int result;
	} rows[] = {
		{ 1, 3, -E2BIG },	   { 1, 4, 0 },	       { 0, 3, 0 },
		{ SIZE_MAX, 100, -E2BIG }, { 100, 3, -E2BIG }, { SIZE_MAX - 1, SIZE_MAX - 1, -E2BIG },
	};
	cr_assert_eq(buf_append(&b, "abc", 3, 3), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_expect_eq(buf_reserve(&b, rows[i].more, rows[i].max), rows[i].result, "row %zu", i);
		cr_expect_eq(b.len, 3);
	}
	cr_assert_eq(buf_append(&b, "d", 1, 3), -E2BIG);
	cr_assert(!memcmp(b.p, "abc", 3));
	buf_free(&b);
}

Test(buf, never_gives_back_more_than_it_has, .signal = SIGABRT)
{
	struct buf b = { 0 };
	buf_append(&b, "abc", 3, 10);
	buf_consume(&b, 4);
}
