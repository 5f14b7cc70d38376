/* api_lock.h - the application's locks. */
#ifndef KERNEL_API_LOCK_H
#define KERNEL_API_LOCK_H

#include "option.h"

#include <uwsgi/api.h>

const struct uwsgi_api_fn *api_lock_rows(void);
int api_lock_register(struct option_registry *options);
/* Make them, before anything is forked.  0, or -errno after uwsgi_cause.  [main] */
int api_lock_make(void);

#endif
