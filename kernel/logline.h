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
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	logline_add(l, digits + at, sizeof digits - at);
}

/* What a client sent, with control bytes made harmless: nobody can end the line but us. */
static inline void logline_add_field(struct logline *l, struct uwsgi_str s)
{
	size_t from = l->len;
	logline_add(l, s.p, s.n < LOGFIELD_MAX ? s.n : LOGFIELD_MAX);
	for (size_t i = from; i < l->len; i++)
		if ((unsigned char)l->text[i] < ' ' || l->text[i] == 127)
			l->text[i] = '?';
}

#endif
