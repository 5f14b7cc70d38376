/* answer.h - answering the request of a core, and accounting for it. */
#ifndef KERNEL_ANSWER_H
#define KERNEL_ANSWER_H

#include "serve.h"

/* Run a request that is complete, or has all of its body that is waited for: `len` bytes of it are at `bytes`.  Returns
 * how many of them were its own; what comes of the connection is in c->closing and c->unread. */
size_t answer_run(struct core *core, struct conn *c, char *bytes, size_t len);
/* Answer without the application: the message was refused.  The connection is closed afterwards. */
void answer_refuse(struct core *core, struct conn *c, int status);

#endif
