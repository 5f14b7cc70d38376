/* signals.h - this process's side of the signal bus: its handlers, and what waits for it. */
#ifndef KERNEL_SIGNALS_H
#define KERNEL_SIGNALS_H

#include "kernel.h"

#include <uwsgi/loop.h>
#include <uwsgi/signal.h>

/* See uwsgi/signal.h. */
int signal_register(struct kernel *k, uint8_t number, const char *target, struct uwsgi_fn *handler);
bool signal_is_registered(const struct kernel *k, uint8_t number);
int signal_get_free(struct kernel *k);
int signal_raise(struct kernel *k, uint8_t number);
int signal_fd(const struct kernel *k);
int signal_handle(struct kernel *k);

/* The queues of this process: its own, then its kind's, then those of its groups.  How many, or -ENOMEM. */
int signal_queues(const struct kernel *k, const int **queues_r);
/* Take at most `limit` signals of one queue and run their handlers; when more are left, whoever waits is woken. */
void signal_serve(struct kernel *k, int queue, int limit);
/* Handle signals in the loop of this process from now on.  0 or -errno: it would hear none of them. */
int signal_watch(struct kernel *k);

#endif
