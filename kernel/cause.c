/* cause.c - the first cause that any process of the server found wins; the rest only follow from it. */
#include "cause.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define CAUSE_MAX 1024

enum { CAUSE_NONE, CAUSE_BEING_WRITTEN, CAUSE_KNOWN };

struct cause {
	_Atomic int state;
	char text[CAUSE_MAX];
};

/* Whoever fails may say so, as whoever has news may log it: there is no handle to pass along. */
static struct cause *cause;

_Static_assert(sizeof(struct cause) <= CAUSE_SIZE, "its memory is what the header says");

void cause_init(void *memory)
{
	cause = memory;
}

const char *cause_get(void)
{
	return cause && atomic_load(&cause->state) == CAUSE_KNOWN ? cause->text : NULL;
}

void cause_clear(void)
{
	if (cause)
		atomic_store(&cause->state, CAUSE_NONE);
}

static void one_line(char *text)
{
	text[strcspn(text, "\n")] = 0;
}

void uwsgi_cause(const char *fmt, ...)
{
	char text[CAUSE_MAX];
	int none = CAUSE_NONE;
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	one_line(text);
	if (!cause || !atomic_compare_exchange_strong(&cause->state, &none, CAUSE_BEING_WRITTEN)) {
		uwsgi_log("uwsgi: %s\n", text);
		return;
	}
	memcpy(cause->text, text, sizeof text);
	atomic_store(&cause->state, CAUSE_KNOWN);
}
