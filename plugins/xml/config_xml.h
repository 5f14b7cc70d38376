/* config_xml.h - the parse function of this format; its contract is in struct uwsgi_config_format. */
#ifndef CONFIG_XML_H
#define CONFIG_XML_H

#include <uwsgi/plugin.h>

int config_xml_parse(const char *text, size_t len, const char *section, uwsgi_config_emit *emit, void *ctx,
		     char *error_r, size_t error_size);

#endif
