/* status.h - HTTP status codes (RFC 9110, section 15). */
#ifndef KERNEL_STATUS_H
#define KERNEL_STATUS_H

/* "Not Found" for 404; "" for a code without a standard phrase. */
const char *status_phrase(int status);

#endif
