/* reqlog.h - one line a request, without a system call a request.
 *
 * Lines go to a ring in shared memory and are written in batches: by the worker when it rests or the ring fills, by the
 * master when the worker died.  A line that is in the ring is never lost by killing the worker. */
#ifndef KERNEL_REQLOG_H
#define KERNEL_REQLOG_H

#include "serve.h"

/* Rings for `slots` processes, in shared memory that lives on over reloads.  NULL when there is none. */
struct handover;
struct reqlog_rings;
struct reqlog_rings *reqlog_create(struct handover *handover, int slots);
/* The ring of one slot, for its process. */
struct reqlog *reqlog_open(struct reqlog_rings *rings, int slot);
/* Before lines are added: what they say, and of which worker.  0 or -ENOMEM. */
int reqlog_format(struct reqlog *log, const struct settings *settings, int worker);

/* Do the settings want a line of an answered request?  Asked first: what a line says is not collected for nothing. */
bool reqlog_wants(const struct request *req, uint64_t took_us);
/* Add its line; `total` counts the requests of the whole server. */
void reqlog_request(struct reqlog *log, const struct request *req, uint64_t took_us, uint64_t total);
/* Milliseconds until the lines should be written, -1 when there are none. */
int reqlog_timeout(const struct reqlog *log, uint64_t now_ms);
/* Write what is there. */
void reqlog_flush(struct reqlog *log);

#endif
