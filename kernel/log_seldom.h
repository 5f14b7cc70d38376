/* log_seldom.h - may it be told now? */
#ifndef KERNEL_LOG_SELDOM_H
#define KERNEL_LOG_SELDOM_H

#include <uwsgi/log.h>

/* True once a second; then kept_back_r is how often it was false since.  Of threads that ask at once, one may. */
bool log_seldom_may(struct uwsgi_log_seldom *seldom, uint64_t now_ms, uint64_t *kept_back_r);

#endif
