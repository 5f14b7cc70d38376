/* api_request.h - the API functions about the current request. */
#ifndef KERNEL_API_REQUEST_H
#define KERNEL_API_REQUEST_H

struct uwsgi_api_fn;

const struct uwsgi_api_fn *api_request_rows(void);

#endif
