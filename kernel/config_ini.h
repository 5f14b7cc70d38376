/* config_ini.h - the ini syntax of uWSGI. */
#ifndef KERNEL_CONFIG_INI_H
#define KERNEL_CONFIG_INI_H

#include <uwsgi/plugin.h>

/* The same contract as the parse function of a format: see struct uwsgi_config_format.  A key without '=' is emitted
 * with a NULL value.  Pure: it looks at nothing but its arguments. */
int config_ini_parse(const char *text, size_t len, const char *section, uwsgi_config_emit *emit, void *ctx,
		     char *error_r, size_t error_size);

#endif
