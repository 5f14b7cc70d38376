/* api_socket.h - the API functions that read files and talk over sockets. */
#ifndef KERNEL_API_SOCKET_H
#define KERNEL_API_SOCKET_H

struct uwsgi_api_fn;

const struct uwsgi_api_fn *api_socket_rows(void);

#endif
