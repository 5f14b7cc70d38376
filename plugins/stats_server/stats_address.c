/* stats_address.c - where the server tells of itself: not to the world, unless somebody says so. */
#include "stats_server.h"

#include <stdio.h>
#include <string.h>

static bool is_port(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

const char *stats_address(const char *text, bool everywhere, char buffer[STATS_ADDRESS_MAX])
{
	const char *port = *text == ':' ? text + 1 : text;
	if (everywhere || !is_port(port))
		return text;
	snprintf(buffer, STATS_ADDRESS_MAX, "127.0.0.1:%s", port);
	return buffer;
}
