/* How long a client may take for a body, by how much of it is there. */
#include <criterion/criterion.h>

#include "patience.h"

Test(patience, grows_with_what_has_come)
{
	const struct patience_settings settings = { .min_body_rate = 100 };
	static const struct {
		uint64_t bytes, ms;
	} rows[] = {
		{ 0, 10000 }, { 1, 10010 }, { 99, 10990 }, { 100, 11000 }, { 1000000, 10010000 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_assert_eq(patience_body_ms(&settings, rows[i].bytes), rows[i].ms, "%zu bytes",
			     (size_t)rows[i].bytes);
}

Test(patience, has_no_end_without_a_rate)
{
	cr_assert_eq(patience_body_ms(&(struct patience_settings){ 0 }, 5), UINT64_MAX);
}
