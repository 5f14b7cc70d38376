/* log_target.h - where the lines go, as the configuration says it: a file, a UDP address, and off the terminal. */
#ifndef KERNEL_LOG_TARGET_H
#define KERNEL_LOG_TARGET_H

#include "privs.h"

struct handover;
struct log_target;
struct option_registry;

/* Register the options.  NULL when memory is out. */
struct log_target *log_target_create(struct option_registry *options);

/* The steps of a start, in their order; 0, or a negative errno after uwsgi_cause. */
int log_target_begin(const struct log_target *target, const struct privs *privs);		  /* daemonize, logto */
int log_target_bound(const struct log_target *target, const struct privs *privs, bool *forked_r); /* daemonize2 */
int log_target_unprivileged(const struct log_target *target, const struct privs *privs);	  /* logto2 */
/* The next image has to know the file's name; and this is how it learns it, and goes on as it began. */
int log_target_keep(struct handover *handover);
void log_target_again(const struct log_target *target, struct handover *handover);

#endif
