/* accept.h - taking connections in. */
#ifndef KERNEL_ACCEPT_H
#define KERNEL_ACCEPT_H

#include "serve.h"

/* What epoll calls for a listening socket. */
void accept_event(struct source *source, uint32_t events, struct core *core);
/* The same when a connection waits that another worker handed on. */
void accept_handed(struct source *source, uint32_t events, struct core *core);

#endif
