/* loop.h - what the kernel needs of a loop beyond the public functions. */
#ifndef KERNEL_LOOP_H
#define KERNEL_LOOP_H

#include <uwsgi/loop.h>

/* NULL when descriptors or memory are out. */
struct uwsgi_loop *loop_create(void);
void loop_destroy(struct uwsgi_loop **loop);

/* One turn: wait at most `timeout_ms` (-1: as long as it takes, 0: not at all), run what is due.  Events handled. */
int loop_turn(struct uwsgi_loop *loop, int timeout_ms);
/* Milliseconds until the next timer, -1 when none is armed, 0 when one is due.  Any thread may ask. */
int loop_timeout(const struct uwsgi_loop *loop);
/* Readable when the loop has events: lets another loop wait for this one. */
int loop_fd(const struct uwsgi_loop *loop);
bool loop_stopped(const struct uwsgi_loop *loop);

#endif
