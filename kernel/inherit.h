/* inherit.h - listening sockets this process was started with. */
#ifndef KERNEL_INHERIT_H
#define KERNEL_INHERIT_H

#include <sys/socket.h>

#define INHERIT_MAX 32

struct inherited {
	int fds[INHERIT_MAX]; /* those nobody took yet */
	int count;
};

/* Find them: stdin, which becomes /dev/null, and what LISTEN_FDS counts from descriptor 3 on when LISTEN_PID is `pid`.
 * Both variables are taken out of the environment.  All of them are close-on-exec then. */
void inherit_collect(struct inherited *inherited, pid_t pid);

/* Take the one that listens on this address: a descriptor, or -1. */
int inherit_take(struct inherited *inherited, const struct sockaddr *address, socklen_t len);

#endif
