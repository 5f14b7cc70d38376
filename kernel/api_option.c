/* api_option.c - `uwsgi --api[=FORMAT]`: print the API of the kernel and of every plugin that can be found, and exit.
 */
#include "api_option.h"

#include <stdlib.h>
#include <uwsgi/log.h>
#include <uwsgi/option.h>

#include "api.h"
#include "kernel.h"
#include "option.h"
#include "plugin.h"

static int print_api(const char *key, const char *value, void *data)
{
	struct kernel *k = data;
	plugins_load_all(k->plugins);
	int rc = api_print(k->api, value, stdout);
	if (rc == 0)
		exit(EXIT_SUCCESS);
	uwsgi_log("--%s=%s: the formats are md, json and pyi\n", key, value);
	return rc;
}

int api_option_register(struct kernel *k)
{
	const struct uwsgi_option rows[] = {
		{ "api", .type = UWSGI_OPT_CALL, .arg = UWSGI_ARG_OPTIONAL, .apply = print_api, .data = k,
		  .flags = UWSGI_OPT_IMMEDIATE, .group = "plugins",
		  .help = "print the API for programs as md, json or pyi, and exit" },
		{ 0 },
	};
	return option_register(k->options, "kernel", rows, sizeof *rows, NULL);
}
