/* uwsgi/loop.h - waiting: file descriptors and timers on one epoll. */
#ifndef UWSGI_LOOP_H
#define UWSGI_LOOP_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

struct uwsgi_loop;

enum { UWSGI_READ = 1u, UWSGI_WRITE = 2u, UWSGI_HANGUP = 4u };

/* One watched descriptor.  Lives in the caller's memory from add to remove. */
struct uwsgi_watch {
	int fd;
	void (*fn)(struct uwsgi_watch *watch, unsigned events); /* events: UWSGI_READ | ... */
	void *data;
};

/* One timer.  Lives in the caller's memory while armed.  Zero it before first use. */
struct uwsgi_timer {
	void (*fn)(struct uwsgi_timer *timer);
	void *data;
	uint64_t at_ms; /* private to the loop */
	size_t slot;	/* private to the loop: position + 1 while armed */
};

/* The loop of this process.  [any] after the fork of a process kind; NULL before. */
UWSGI_API struct uwsgi_loop *uwsgi_loop(void);

/* Level-triggered.  0 or a negative errno. */
UWSGI_API int uwsgi_loop_add(struct uwsgi_loop *loop, struct uwsgi_watch *watch, unsigned events);
UWSGI_API int uwsgi_loop_change(struct uwsgi_loop *loop, struct uwsgi_watch *watch, unsigned events);
/* Call before closing the descriptor.  Pending events of the watch are dropped. */
UWSGI_API void uwsgi_loop_remove(struct uwsgi_loop *loop, struct uwsgi_watch *watch);

/* Arm or re-arm: `fn` is called once, `ms` milliseconds from now (monotonic). */
UWSGI_API int uwsgi_loop_timer(struct uwsgi_loop *loop, struct uwsgi_timer *timer, uint64_t ms);
UWSGI_API void uwsgi_loop_timer_stop(struct uwsgi_loop *loop, struct uwsgi_timer *timer);

/* Run until uwsgi_loop_stop, or until the kernel was told to end this process.  Returns 0. */
UWSGI_API int uwsgi_loop_run(struct uwsgi_loop *loop);
UWSGI_API void uwsgi_loop_stop(struct uwsgi_loop *loop);

/* Milliseconds of the monotonic clock; microseconds since the epoch. */
UWSGI_API uint64_t uwsgi_now_ms(void);
UWSGI_API uint64_t uwsgi_micros(void);

UWSGI_END_DECLS
#endif
