/* notify.h - telling the service manager how we are: sd_notify(3), without its library. */
#ifndef KERNEL_NOTIFY_H
#define KERNEL_NOTIFY_H

#include <uwsgi/loop.h>

struct notify;

/* From $NOTIFY_SOCKET and $WATCHDOG_USEC, which the application does not see.  Without them every function does
 * nothing. Never NULL but when memory is out.  [master] */
struct notify *notify_create(struct uwsgi_loop *loop);

/* A generation answers; `status` is one line for `systemctl status`. */
void notify_ready(struct notify *n, const char *status);
void notify_reloading(struct notify *n);
void notify_stopping(struct notify *n);
/* What is going on, without a change of state: a refused reload, say.  Ends a reload. */
void notify_status(struct notify *n, const char *status);

/* The text of a message; for tests.  `now_us` is the monotonic clock's. */
int notify_format(char *text, int size, const char *state, const char *status, unsigned long long now_us);

#endif
