/* config_json.h - the parse function of this format; its contract is in struct uwsgi_config_format. */
#ifndef CONFIG_JSON_H
#define CONFIG_JSON_H

#include <uwsgi/plugin.h>

int config_json_parse(const char *text, size_t len, const char *section, uwsgi_config_emit *emit, void *ctx,
		      char *error_r, size_t error_size);

#endif
