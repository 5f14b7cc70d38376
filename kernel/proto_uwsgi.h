/* proto_uwsgi.h - the native packet, spoken by web servers in front of this one. */
#ifndef KERNEL_PROTO_UWSGI_H
#define KERNEL_PROTO_UWSGI_H

#include <uwsgi/request.h>

/* The row named "uwsgi".  One request a connection. */
extern const struct uwsgi_protocol proto_uwsgi;

#endif
