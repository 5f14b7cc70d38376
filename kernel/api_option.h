/* api_option.h - the option that prints the API table. */
#ifndef KERNEL_API_OPTION_H
#define KERNEL_API_OPTION_H

struct kernel;

/* Register `api`.  `k` is borrowed for ever.  0, or a negative errno after logging why. */
int api_option_register(struct kernel *k);

#endif
