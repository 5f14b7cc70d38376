/* spool_policy.c - see spool_policy.h.
 *
 * A handler that asks for its task again gets it at the frequency, for ever.  One that fails gets it after the
 * frequency, then after twice that, and so on.  A process that died may have been unlucky: the first time, its task
 * is run again at once. */
#include "spool_policy.h"

static int64_t doubled(int64_t seconds, unsigned times)
{
	int64_t most = seconds > SPOOL_BACKOFF_MAX_S ? seconds : SPOOL_BACKOFF_MAX_S;
	while (times-- && seconds < most)
		seconds *= 2;
	return seconds < most ? seconds : most;
}

struct spool_decision spool_decide(enum spool_outcome outcome, unsigned tries, unsigned max, int64_t frequency,
				   int64_t now)
{
	if (outcome == SPOOL_DONE)
		return (struct spool_decision){ SPOOL_DELETE, tries, 0 };
	if (outcome == SPOOL_ASKED)
		return (struct spool_decision){ SPOOL_KEEP, tries, now + frequency };
	tries++;
	if (max && tries >= max)
		return (struct spool_decision){ SPOOL_BURY, tries, 0 };
	if (outcome == SPOOL_DIED && tries == 1)
		return (struct spool_decision){ SPOOL_KEEP, tries, now };
	unsigned times = outcome == SPOOL_DIED ? tries - 2 : tries - 1;
	return (struct spool_decision){ SPOOL_KEEP, tries, now + doubled(frequency, times) };
}

bool spool_is_early(int64_t modified, int64_t changed, int64_t now)
{
	return modified > now && modified > changed;
}

int64_t spool_look_again(unsigned looks, int64_t frequency)
{
	int64_t wait = doubled(1, looks);
	return wait < frequency ? wait : frequency;
}
