/* daemon_policy.c - when a daemon that ended is started again. */
#include "daemon.h"

#define YOUNG_MS 3000
#define DEFAULT_MAX_S 300

bool daemon_died_young(uint64_t age_ms)
{
	return age_ms < YOUNG_MS;
}

unsigned daemon_throttle(uint64_t age_ms, unsigned deaths, unsigned max)
{
	unsigned age = (unsigned)(age_ms / 1000);
	if (!daemon_died_young(age_ms))
		return 0;
	unsigned wait = deaths > age + 1 ? deaths - age : 1;
	if (!max)
		max = DEFAULT_MAX_S;
	return wait < max ? wait : max;
}

enum daemon_verdict daemon_decide(const struct daemon_look *look)
{
	if (look->alive)
		return DAEMON_WATCH;
	if (look->was_alive || !look->spawned)
		return DAEMON_SPAWN;
	return look->failed < look->freq ? DAEMON_LOOK_AGAIN : DAEMON_SPAWN;
}
