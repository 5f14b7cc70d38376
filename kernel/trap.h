/* trap.h - OS signals as events of a loop. */
#ifndef KERNEL_TRAP_H
#define KERNEL_TRAP_H

/* Catch `signals` (ended by 0) in this process from now on; SIGPIPE is ignored.  To be called again after each fork
 * of the server; in a child that somebody else forked, `signals` have their default meaning.  0 or -errno. */
int trap_open(const int *signals);
/* Readable when a signal was caught; non-blocking. */
int trap_fd(void);
/* The next caught signal, or 0. */
int trap_next(void);
/* Block every signal, and take the mask back: around a fork, until the child has its own trap. */
void trap_hold(void);
void trap_release(void);

#endif
