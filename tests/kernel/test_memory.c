/* The memory of this process. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

Test(memory, grows_with_what_is_used)
{
	enum { MORE = 64 * 1024 * 1024 };
	uint64_t vsz, rss, vsz_then, rss_then;
	cr_assert_eq(memory_read(&vsz, &rss), 0);
	cr_assert(rss > 0 && rss <= vsz);
	char *more = malloc(MORE);
	memset(more, 1, MORE);
	cr_assert_eq(memory_read(&vsz_then, &rss_then), 0);
	cr_assert_geq(vsz_then, vsz + MORE);
	cr_assert_geq(rss_then, rss + MORE / 2);
	free(more);
}
