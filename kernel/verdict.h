/* verdict.h - how the last reload went, in shared memory, for whoever asked for it: `uwsgi --reload` reads it. */
#ifndef KERNEL_VERDICT_H
#define KERNEL_VERDICT_H

#include <stdatomic.h>
#include <stdbool.h>

#define VERDICT_TEXT 512

struct verdict {
	_Atomic unsigned begun, given; /* reloads so far; one is under way while they differ */
	bool good;
	char why[VERDICT_TEXT];
};

/* [master] */
void verdict_begin(struct verdict *v);
void verdict_give(struct verdict *v, bool good, const char *why);

/* Of which reload a caller who asks now has to wait for the verdict: the one under way may have begun too early.
 * [any process that maps it] */
unsigned verdict_expected(const struct verdict *v);
bool verdict_is_given(const struct verdict *v, unsigned expected);

#endif
