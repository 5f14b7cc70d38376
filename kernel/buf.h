/* buf.h - a growable run of bytes with an upper bound. */
#ifndef KERNEL_BUF_H
#define KERNEL_BUF_H

#include <stddef.h>

/* Zero is a valid empty buffer.  0 <= len <= cap. */
struct buf {
	char *p;
	size_t len, cap;
};

/* Make room for `more` bytes behind len, total at most `max`.  0, -E2BIG or -ENOMEM. */
int buf_reserve(struct buf *b, size_t more, size_t max);
int buf_append(struct buf *b, const void *bytes, size_t n, size_t max);
/* Forget the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* Free the memory; the buffer is empty again. */
void buf_free(struct buf *b);

#endif
