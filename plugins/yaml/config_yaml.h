/* config_yaml.h - the parse function of this format; its contract is in struct uwsgi_config_format. */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <uwsgi/plugin.h>

int config_yaml_parse(const char *text, size_t len, const char *section, uwsgi_config_emit *emit, void *ctx,
		      char *error_r, size_t error_size);

#endif
