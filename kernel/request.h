/* request.h - the request of a core: making, resetting, its memory. */
#ifndef KERNEL_REQUEST_H
#define KERNEL_REQUEST_H

#include "serve.h"

/* Allocate what a core's request needs.  0 or -ENOMEM. */
int request_create(struct request *req, struct core *core, const struct settings *settings);
void request_destroy(struct request *req);
/* Begin with a request of `conn`. */
void request_reset(struct request *req, struct conn *conn);
/* Add a variable of the server's own, beyond those a client may send: at most one a request. */
void request_add_own_var(struct uwsgi_request *pub, struct uwsgi_str name, struct uwsgi_str value);
/* Microseconds since its head was complete; 0 when the clock was set back meanwhile. */
uint64_t request_age_us(const struct request *req);
/* Make it the current one of this thread (NULL: none). */
void request_set_current(struct request *req);

static inline struct request *request_of(struct uwsgi_request *pub)
{
	return (struct request *)pub;
}

#endif
