/* uwsgi/shm.h - memory shared by every process of the server, and locks in it. */
#ifndef UWSGI_SHM_H
#define UWSGI_SHM_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

/* Zeroed memory that all processes forked later share.  Never freed.  NULL when there is none.  [main] [master] */
UWSGI_API void *uwsgi_shm_alloc(size_t size);

/* The same under a name that is nobody else's ("cache main"): its contents live on over reloads.  Zeroed when it is
 * new, or when what a former image of the server left has another size.  Of the pointers in it only offsets keep their
 * meaning. [main] */
UWSGI_API void *uwsgi_shm_keep(const char *name, size_t size);

/* A descriptor that wakes whoever waits for such memory: an eventfd(2) of that name, non-blocking, the same one over
 * reloads. A negative errno when there is none.  [main] */
UWSGI_API int uwsgi_wake_keep(const char *name);

/* A lock shared by processes.  When its owner dies, the next uwsgi_lock_take gets it and returns 1.
 * It lives on over reloads under its name, of which 63 bytes count.  [main] */
struct uwsgi_lock;
UWSGI_API struct uwsgi_lock *uwsgi_lock_create(const char *name);
/* Blocks.  0, or 1 when the former owner died holding it: check what it guards. */
UWSGI_API int uwsgi_lock_take(struct uwsgi_lock *lock);
/* 0 when taken (1 after a dead owner), -EBUSY when another holds it. */
UWSGI_API int uwsgi_lock_try(struct uwsgi_lock *lock);
UWSGI_API void uwsgi_lock_give(struct uwsgi_lock *lock);

UWSGI_END_DECLS
#endif
