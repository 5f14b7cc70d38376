/* json_plugin.c - configurations in JSON: --json FILE, FILE.json, FILE.js. */
#include <uwsgi.h>

#include "config_json.h"

static const struct uwsgi_config_format formats[] = {
	{ "json", ".json .js", config_json_parse },
	{ 0 },
};

static const struct uwsgi_option options[] = {
	{ .name = "js", .letter = 'j', .alias_of = "json" },
	{ 0 },
};

struct uwsgi_plugin json_plugin = {
	.name = "json",
	.options = options,
	.config_formats = formats,
};
