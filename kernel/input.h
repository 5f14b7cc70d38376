/* input.h - what a connection brings: read, cut into requests, and served. */
#ifndef KERNEL_INPUT_H
#define KERNEL_INPUT_H

#include "serve.h"

/* Read once, unless pipelined bytes wait, run every request that is complete, and keep the rest for the next time.
 * 1: there may be more to read; 0: there is no more now; -1: the client is gone, or memory is out. */
int input_serve(struct core *core, struct conn *c);

#endif
