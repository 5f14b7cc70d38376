/* service.h - the registry of services. */
#ifndef KERNEL_SERVICE_H
#define KERNEL_SERVICE_H

#include <uwsgi/service.h>

struct service_registry;

struct service_registry *service_registry_create(void);
/* Add a plugin's table (rows of `stride` bytes).  0, -ENOMEM, or -EEXIST with the name in `*taken_r`: nothing of the
 * table was added. */
int service_register(struct service_registry *services, const struct uwsgi_service *rows, size_t stride,
		     const char **taken_r);
const void *service_get(const struct service_registry *services, const char *name, size_t size);

#endif
