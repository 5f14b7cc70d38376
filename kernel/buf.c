/* buf.c - a growable run of bytes with an upper bound: what a connection keeps between two reads or writes. */
#include "buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 1024

int buf_reserve(struct buf *b, size_t more, size_t max)
{
	if (more > max || b->len > max - more)
		return -E2BIG;
	size_t need = b->len + more, cap = b->cap ? b->cap : BUF_FIRST;
	if (need <= b->cap)
		return 0;
	while (cap < need)
		cap *= 2;
	char *p = realloc(b->p, cap);
	if (!p)
		return -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

int buf_append(struct buf *b, const void *bytes, size_t n, size_t max)
{
	if (!n)
		return 0;
	int failed = buf_reserve(b, n, max);
	if (failed)
		return failed;
	memcpy(b->p + b->len, bytes, n);
	b->len += n;
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->len -= n;
	if (b->len && n)
		memmove(b->p, b->p + n, b->len);
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}
