/* api_server.h - the API functions of the server itself. */
#ifndef KERNEL_API_SERVER_H
#define KERNEL_API_SERVER_H

#include <uwsgi/api.h>
#include <uwsgi/proc.h>

struct api_registry;

/* Add the kernel's own rows to `reg`, and make their shared memory.  [main] 0, or a negative errno after logging why.
 */
int api_server_register(struct api_registry *reg);
/* Add what is known of a worker to a map; `status` in place of what its state says, unless NULL. */
void api_server_describe(struct uwsgi_value *map, const struct uwsgi_proc_info *info, const char *status);
/* "idle", "busy", "cheap". */
const char *api_server_status(enum uwsgi_proc_state state);
/* What set_warning_message was last given, "" when nothing: for the ping reply.  [any] after init. */
const char *api_server_warning(void);

#endif
