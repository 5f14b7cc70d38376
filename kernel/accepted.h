/* accepted.h - options of uWSGI 2.0 that have nothing left to decide here. */
#ifndef KERNEL_ACCEPTED_H
#define KERNEL_ACCEPTED_H

struct option_registry;

int accepted_register(struct option_registry *options);

#endif
