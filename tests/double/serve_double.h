/* serve_double.h - one worker with one core and one connection, whose client is the test. */
#ifndef SERVE_DOUBLE_H
#define SERVE_DOUBLE_H

#include "conn.h"
#include "harakiri.h"
#include "patience.h"
#include "request.h"

struct serve_double {
	struct settings settings;
	struct harakiri_settings harakiri;
	struct patience_settings patience;
	struct proc_slot slot;
	struct serve serve;
	struct core core;
	struct uwsgi_socket socket;
	struct uwsgi_protocol protocol; /* row "test"; reusable, as HTTP is */
	struct listener listener;
	struct conn *conn;
	struct uwsgi_request *req; /* begun: HTTP/1.1, keep-alive, GET */
	int client;		   /* the other end; non-blocking */
};

void serve_double_init(struct serve_double *d);
/* Begin the next request on the connection. */
void serve_double_begin(struct serve_double *d);
/* What the client got since it last looked: text, terminated; NULL when nothing and the connection is closed. */
const char *serve_double_got(struct serve_double *d);
/* Read `n` bytes and throw them away, letting the connection send on; how many came before it stopped. */
size_t serve_double_drain(struct serve_double *d, size_t n);

#endif
