/* api_signal.h - API functions about signals, timers and cron. */
#ifndef KERNEL_API_SIGNAL_H
#define KERNEL_API_SIGNAL_H

#include <uwsgi/api.h>

const struct uwsgi_api_fn *api_signal_rows(void);

#endif
