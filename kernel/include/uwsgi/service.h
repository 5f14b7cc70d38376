/* uwsgi/service.h - one C caller, one C provider: a table of functions found by name and version. */
#ifndef UWSGI_SERVICE_H
#define UWSGI_SERVICE_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

/* What a plugin provides.  A table ends with an all-zero row. */
struct uwsgi_service {
	const char *name; /* "cache/1": a table that cannot grow compatibly gets a new number */
	const void *ops;
	size_t size; /* sizeof *ops */
};

/* The provider's table, or NULL when nobody provides `name` or its table is smaller than `size`.
 * [any] after the plugins are loaded.  Contract headers live in <uwsgi/iface/NAME.h>. */
UWSGI_API const void *uwsgi_service(const char *name, size_t size);

UWSGI_END_DECLS
#endif
