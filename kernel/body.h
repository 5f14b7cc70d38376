/* body.h - the part of a request body that was read with its head. */
#ifndef KERNEL_BODY_H
#define KERNEL_BODY_H

#include "serve.h"

/* Bytes in, `len` of them behind the head, of which the payload is the application's: sets up the reading functions.
 * For a chunked body `decoded` bytes are payload already. */
void body_begin(struct request *req, char *bytes, size_t len);
/* Tell a client that waits for it to send its body (100 Continue, RFC 9110 10.1.1), once a request.  0, or a negative
 * errno: the client is gone. */
int body_invite(struct serve *s, struct conn *c);
/* True when the application (or nobody) has anything left to read. */
bool body_finished(const struct request *req);

#endif
