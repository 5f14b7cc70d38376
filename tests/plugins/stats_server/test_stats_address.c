/* Who can reach the statistics. */
#include <criterion/criterion.h>

#include "stats_server.h"

Test(stats_address, is_this_machines_unless_a_host_is_named)
{
	static const struct {
		const char *text, *bound, *everywhere;
	} rows[] = {
		{ ":1717", "127.0.0.1:1717", ":1717" },
		{ "1717", "127.0.0.1:1717", "1717" },
		{ ":0", "127.0.0.1:0", ":0" },
		{ "0.0.0.0:1717", "0.0.0.0:1717", "0.0.0.0:1717" },
		{ "*:1717", "*:1717", "*:1717" },
		{ "[::1]:1717", "[::1]:1717", "[::1]:1717" },
		{ "/run/stats.sock", "/run/stats.sock", "/run/stats.sock" },
		{ "stats.sock", "stats.sock", "stats.sock" },
		{ "@stats", "@stats", "@stats" },
		{ ":", ":", ":" },
		{ "", "", "" },
	};
	char buffer[STATS_ADDRESS_MAX];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_expect_str_eq(stats_address(rows[i].text, false, buffer), rows[i].bound);
		cr_expect_str_eq(stats_address(rows[i].text, true, buffer), rows[i].everywhere);
	}
}
