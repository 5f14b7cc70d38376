/* service.c - tables of functions by name and version: found only when as large as the caller needs. */
#include "service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct service_registry {
	struct uwsgi_service *rows;
	size_t count;
};

struct service_registry *service_registry_create(void)
{
	return calloc(1, sizeof(struct service_registry));
}

static const struct uwsgi_service *find(const struct service_registry *services, const char *name)
{
	for (size_t i = 0; i < services->count; i++)
		if (!strcmp(services->rows[i].name, name))
			return &services->rows[i];
	return NULL;
}

int service_register(struct service_registry *services, const struct uwsgi_service *rows, size_t stride,
		     const char **taken_r)
{
	size_t before = services->count;
	for (const char *p = (const char *)rows; rows; p += stride) {
		struct uwsgi_service row = { 0 };
		memcpy(&row, p, stride < sizeof row ? stride : sizeof row);
		if (!row.name)
			break;
		if (find(services, row.name)) {
			*taken_r = row.name;
			services->count = before;
			return -EEXIST;
		}
		struct uwsgi_service *grown = reallocarray(services->rows, services->count + 1, sizeof *grown);
		if (!grown) {
			services->count = before;
			return -ENOMEM;
		}
		services->rows = grown;
		grown[services->count++] = row;
	}
	return 0;
}

const void *service_get(const struct service_registry *services, const char *name, size_t size)
{
	const struct uwsgi_service *row = find(services, name);
	return row && row->size >= size ? row->ops : NULL;
}
