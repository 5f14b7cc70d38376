/* door.h - the listening sockets of a worker, open or shut.  Everything here needs serve->loop_lock. */
#ifndef KERNEL_DOOR_H
#define KERNEL_DOOR_H

#include "serve.h"

/* Begin to watch the listening sockets, all of them or none.  0 or -errno. */
int door_open(struct serve *s);
/* Look away for a moment: what waits stays in the kernel's queue. */
void door_pause(struct serve *s);
/* Look again when the moment is over. */
void door_resume(struct serve *s, uint64_t now_ms);
/* Stop accepting for good. */
void door_close(struct serve *s);
/* Milliseconds until door_resume has something to do; -1: nothing. */
int door_timeout(const struct serve *s, uint64_t now_ms);

#endif
