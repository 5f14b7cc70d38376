/* control.h - the command line that tells a running server something: --reload, --stop, --pause, --resume PIDFILE.
 *
 * The server is found by its pidfile and recognised by the shared memory it holds open, so that a number of a process
 * long dead, or of somebody else's, is never sent a signal. */
#ifndef KERNEL_CONTROL_H
#define KERNEL_CONTROL_H

struct option_registry;

/* Register the options; each does its work and ends this program: status 0 when it was done, 1 when not. */
int control_register(struct option_registry *options);

#endif
