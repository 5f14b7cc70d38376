/* shell.h - commands of the configuration, run beside the master. */
#ifndef KERNEL_SHELL_H
#define KERNEL_SHELL_H

#include <sys/types.h>

/* Run a command with /bin/sh in a session of its own, so that its group can be told to end, with signals as any program
 * expects them.  Its process, which the caller hears of as of any child; or -errno.  [master] */
pid_t shell_run(const char *command);

#endif
