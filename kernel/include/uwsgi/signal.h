/* uwsgi/signal.h - the signal bus: 256 numbers of a generation, each with a handler and a target.
 *
 * Whoever raises a number puts it into the queue of its target and wakes it; nothing goes through the master.  A queue
 * belongs to a number of a kind ("worker 2"), not to a process: what waits in it is handled by its successor when a
 * process dies.  It holds 1024; what does not fit is refused, counted, and the sender is told. */
#ifndef UWSGI_SIGNAL_H
#define UWSGI_SIGNAL_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

struct uwsgi_fn;

#define UWSGI_SIGNALS 256

/* Register a handler, called with the number.  `target` says who handles it:
 *   "", "worker", "worker0", "<kind>", "<kind>0"   the first process of that kind that is free
 *   "workers", "active-workers", "<kind>s"         each of them
 *   "worker2", "<kind>2"                           that one
 *   the target of a group                          the first of its members that is free
 * The handler is retained.  In the zygote it is for all processes it forks; in any other process it is for that
 * process, and the target counts when the number had none or is its own.  0, -EEXIST in the zygote when the number is
 * taken, -ENOTCONN without a master.  A target that no process answers to is logged: to raise the number is refused
 * then. [zygote] [child] */
UWSGI_API int uwsgi_signal_register(uint8_t number, const char *target, struct uwsgi_fn *handler);
/* Is the number taken, registered or got by uwsgi_signal_get_free?  Not by what the same application or a former
 * process in the same place registered and this one did not yet: so those that load an application, each for itself or
 * one after the death of another, find the same numbers free.  [any] */
UWSGI_API bool uwsgi_signal_registered(uint8_t number);
/* The first number that is not taken.  It is now, for all others, until this process or its successor in the same place
 * registers it; to whom it is given again as long as he does not.  -ENOSPC: there is none, or -ENOTCONN.
 * [zygote] [child] */
UWSGI_API int uwsgi_signal_get_free(void);

/* Let processes of a kind share a queue under a target of its own, and a second one (NULL: none): members[i] is true
 * when number i + 1 belongs to the group.  All is copied.  0, -EINVAL when a target is empty or longer than 63 bytes,
 * -EEXIST, or -ENOMEM.  [main] */
UWSGI_API int uwsgi_signal_group(const char *target, const char *also, const char *kind, const bool *members,
				 int count);

/* Raise a number.  0: it is in the queues of all its targets.  -ENOENT: not registered, or nobody of that target is
 * there; -EAGAIN: a queue was full; -ESHUTDOWN: the server ends; -ENOTCONN: there is no master.  What was refused is
 * counted. [master] [zygote] [child] */
UWSGI_API int uwsgi_signal_raise(uint8_t number);

/* Raise a number in another server, through one of its sockets; it may take `ms` milliseconds, twice.  0; -EACCES: that
 * server refuses it; -EPROTO: it answers to no such packet; or another negative errno.  [any] */
#define UWSGI_SIGNAL_MODIFIER 110
UWSGI_API int uwsgi_signal_send(const char *address, uint8_t number, int ms);

/* For a process that does not run the kernel's loop: a descriptor that is readable when a signal may be there for it.
 * -ENOTCONN: no signal can reach it.  [child] */
UWSGI_API int uwsgi_signal_fd(void);
/* Take one signal and run its handler on this thread.  Its number, or -EAGAIN: there is none.  [child] */
UWSGI_API int uwsgi_signal_handle(void);

/* What happened to a number so far, in this generation. */
struct uwsgi_signal_info {
	char target[64];
	uint64_t raised, handled, failed, refused; /* deliveries: one for each process */
	uint64_t last_us;			   /* of the epoch, when it was handled; 0: never */
};
/* 0 or -ENOENT.  [any] */
UWSGI_API int uwsgi_signal_get(uint8_t number, struct uwsgi_signal_info *info_r, size_t info_size);

UWSGI_END_DECLS
#endif
