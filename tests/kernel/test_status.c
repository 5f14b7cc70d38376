/* Status codes have the phrases of RFC 9110, and only those. */
#include <criterion/criterion.h>

#include "status.h"

Test(status, has_the_phrases_of_the_standard)
{
	static const struct {
		int status;
		const char *phrase;
	} rows[] = {
		{ 100, "Continue" },
		{ 200, "OK" },
		{ 204, "No Content" },
		{ 302, "Found" },
		{ 304, "Not Modified" },
		{ 404, "Not Found" },
		{ 408, "Request Timeout" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 0, "" },
		{ 99, "" },
		{ 299, "" },
		{ 600, "" },
		{ -1, "" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(status_phrase(rows[i].status), rows[i].phrase, "%d", rows[i].status);
}
