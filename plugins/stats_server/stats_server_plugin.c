/* stats_server_plugin.c - the server tells of itself, in JSON, to whoever connects to a socket: the tables. */
#include "stats_server.h"

#include <string.h>

#define MODE 0600

static const char *address;
static struct stats_form form;
static int fd = -1;

static int init(void)
{
	char buffer[STATS_ADDRESS_MAX];
	if (!address)
		return 0;
	const char *compat = uwsgi_option_get("compat");
	form.any_page = compat && !strcmp(compat, "uwsgi-2.0");
	fd = uwsgi_socket_own(stats_address(address, form.any_page, buffer), MODE);
	if (fd < 0)
		return fd;
	uwsgi_log("*** Stats server enabled on %s fd: %d ***\n", stats_address(address, form.any_page, buffer), fd);
	return 0;
}

static void start(void)
{
	int failed = fd == -1 ? 0 : stats_serve(fd, &form);
	if (failed)
		uwsgi_log("stats = %s: it cannot be watched: %s; nobody is answered\n", address, strerror(-failed));
}

#define ROW(NAME, TYPE, FIELD, HELP)                                                                                   \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_##TYPE, .value = &FIELD, .flags = UWSGI_OPT_MASTER, .group = "stats",  \
		.help = HELP                                                                                           \
	}

static const struct uwsgi_option options[] = {
	ROW("stats", STR, address,
	    "address where whoever connects is told how the server does, in JSON; a port alone is this machine's"),
	{ "stats-server", .alias_of = "stats" },
	ROW("stats-http", BOOL, form.http, "answer in HTTP, also those who do not ask in it"),
	ROW("stats-minified", BOOL, form.minified, "no white space in the JSON"),
	{ "stats-min", .alias_of = "stats-minified" },
	{ 0 },
};

static const struct uwsgi_hook hooks[] = {
	UWSGI_HOOK(UWSGI_HOOK_MASTER_START, uwsgi_hook_master, start),
	UWSGI_HOOK(UWSGI_HOOK_MASTER_LEAVE, uwsgi_hook_master, stats_hurry),
	UWSGI_HOOK(UWSGI_HOOK_MASTER_CHILD, uwsgi_hook_master, stats_forget),
	{ 0 },
};

struct uwsgi_plugin stats_server_plugin = {
	.name = "stats_server",
	.alias = "stats",
	.init = init,
	.strict = 1,
	.options = options,
	.hooks = hooks,
};
