/* emperor_policy.c - when a vassal that ended is started again, and what an Emperor does not put up with. */
#include "emperor.h"

#define YOUNG_MS 10000

/* One that answers requests, or has lived for a while, is not to blame for its own end. */
static bool died_young(const struct vassal_end *end)
{
	return !end->loyal && (!end->ready || end->age_ms < YOUNG_MS);
}

uint64_t policy_delay(const struct vassal_end *end, uint64_t step_ms, uint64_t max_ms, unsigned *deaths_r)
{
	if (!died_young(end)) {
		*deaths_r = 0;
		return 0;
	}
	uint64_t delay = step_ms;
	for (unsigned i = 0; i < end->deaths && delay < max_ms; i++)
		delay *= 2;
	*deaths_r = end->deaths + 1;
	return delay < max_ms ? delay : max_ms;
}

bool policy_may_rule(uid_t uid, gid_t gid)
{
	return uid != 0 && gid != 0;
}

bool policy_heart_stopped(uint64_t last_ms, uint64_t now_ms, int seconds)
{
	return last_ms && now_ms > last_ms + (uint64_t)seconds * 1000;
}
