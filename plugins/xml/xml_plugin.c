/* xml_plugin.c - configurations in XML: --xml FILE, FILE.xml. */
#include <uwsgi.h>

#include "config_xml.h"

static const struct uwsgi_config_format formats[] = {
	{ "xml", ".xml", config_xml_parse },
	{ 0 },
};

static const struct uwsgi_option options[] = {
	{ .name = "xmlconfig", .letter = 'x', .alias_of = "xml" },
	{ 0 },
};

struct uwsgi_plugin xml_plugin = {
	.name = "xml",
	.options = options,
	.config_formats = formats,
};
