/* verdict.c - see verdict.h. */
#include "verdict.h"

#include <stdio.h>

void verdict_begin(struct verdict *v)
{
	atomic_fetch_add(&v->begun, 1);
}

void verdict_give(struct verdict *v, bool good, const char *why)
{
	v->good = good;
	snprintf(v->why, sizeof v->why, "%s", why);
	atomic_store(&v->given, atomic_load(&v->begun));
}

unsigned verdict_expected(const struct verdict *v)
{
	unsigned given = atomic_load(&v->given), begun = atomic_load(&v->begun);
	return given == begun ? given + 1 : begun + 1;
}

bool verdict_is_given(const struct verdict *v, unsigned expected)
{
	return (int)(atomic_load(&v->given) - expected) >= 0;
}
