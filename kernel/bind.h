/* bind.h - making a listening socket. */
#ifndef KERNEL_BIND_H
#define KERNEL_BIND_H

#include <sys/types.h>

struct address;
struct settings;

/* Which file a unix socket has, to remove no other's. */
struct socket_file {
	dev_t dev;
	ino_t ino; /* 0: it has none, or it is not known */
};

/* Listen at an address, with the backlog, the owner and the mode that `s` has; `mode`, when it is not 0, comes first.
 * A unix socket's file behind which nobody listens is replaced.  A descriptor, non-blocking and close-on-exec, or a
 * negative errno. */
int bind_address(const struct settings *s, const struct address *a, unsigned mode, struct socket_file *file_r);
/* What such an errno means. */
const char *bind_reason(int error);

#endif
