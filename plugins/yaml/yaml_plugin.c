/* yaml_plugin.c - configurations in YAML: --yaml FILE, FILE.yaml, FILE.yml. */
#include <uwsgi.h>

#include "config_yaml.h"

static const struct uwsgi_config_format formats[] = {
	{ "yaml", ".yaml .yml", config_yaml_parse },
	{ 0 },
};

static const struct uwsgi_option options[] = {
	{ .name = "yml", .letter = 'y', .alias_of = "yaml" },
	{ 0 },
};

struct uwsgi_plugin yaml_plugin = {
	.name = "yaml",
	.options = options,
	.config_formats = formats,
};
