/* accept.h - the accept loop: connections in, requests run, on the threads of a worker. */
#ifndef KERNEL_ACCEPT_H
#define KERNEL_ACCEPT_H

#include "serve.h"

/* What epoll calls for a listening socket, and for a connection. */
void accept_event(struct source *source, uint32_t events, struct core *core);
void conn_event(struct source *source, uint32_t events, struct core *core);
/* The same when a connection waits that another worker handed on. */
void accept_handed(struct source *source, uint32_t events, struct core *core);
/* Go on with a connection this thread put aside. */
void conn_continue(struct core *core, struct conn *c);
/* Give back one that was only looked at; an event that came meanwhile is served. */
void conn_let_go(struct core *core, struct conn *c);

#endif
