/* logline.h - one line of a log, built piece by piece in memory of its own; what does not fit is cut. */
#ifndef KERNEL_LOGLINE_H
#define KERNEL_LOGLINE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <uwsgi/base.h>

#define LOGLINE_MAX 4096  /* with the newline; no more than a pipe takes as one piece (PIPE_BUF) */
#define LOGFIELD_MAX 1024 /* of one thing a client sent */

struct logline {
	char text[LOGLINE_MAX];
	size_t len; /* < LOGLINE_MAX: there is always room for the newline */
};

static inline void logline_add(struct logline *l, const char *p, size_t n)
{
	size_t room = sizeof l->text - 1 - l->len;
	n = n < room ? n : room;
	if (n) /* p may be NULL then */
		memcpy(l->text + l->len, p, n);
	l->len += n;
}

static inline void logline_add_number(struct logline *l, uint64_t n)
{
	char digits[20];
	size_t at = sizeof digits, to = l->len;
	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	/* few bytes: copied here, not by a call */
	while (at < sizeof digits && to < sizeof l->text - 1)
		l->text[to++] = digits[at++];
	l->len = to;
}

/* What a client sent, with control bytes made harmless: nobody can end the line but us. */
static inline void logline_add_field(struct logline *l, struct uwsgi_str s)
{
	size_t n = s.n < LOGFIELD_MAX ? s.n : LOGFIELD_MAX, room = sizeof l->text - 1 - l->len;
	char *to = l->text + l->len;
	n = n < room ? n : room;
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)s.p[i] < ' ' || s.p[i] == 127 ? '?' : s.p[i];
	l->len += n;
}

#endif
