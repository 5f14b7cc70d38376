/* cron.h - is it time?  Pure decisions about minutes; the time zone is the process's (TZ). */
#ifndef KERNEL_CRON_H
#define KERNEL_CRON_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* minute, hour, day of month, month, weekday (0 and 7: Sunday).  At least 0: that value; -1: any; -n: every n.  Day and
 * weekday both given: either. */
struct cron_spec {
	int16_t field[5];
};

enum cron_field { CRON_MINUTE, CRON_HOUR, CRON_DAY, CRON_MONTH, CRON_WEEKDAY };

#define CRON_JUMP_MINUTES 180 /* a clock that is set further than this begins anew */

/* What is wrong with times that never come, a text for people: "a minute is 0 to 59".  NULL: nothing. */
const char *cron_wrong(const struct cron_spec *spec);

/* Does a local time match? */
bool cron_matches(const struct cron_spec *spec, const struct tm *local);

/* Is a job due in minute `now`, when all minutes up to `seen` were looked at?  Minutes are of the epoch.
 *
 * Each time of day is one slot: when the clock jumps over it, by hand or by daylight saving, a job of a fixed time runs
 * at the first minute after it; when it comes twice, the job runs the first time.  A job of every hour or every n
 * minutes just goes by what the clock shows. */
bool cron_is_due(const struct cron_spec *spec, int64_t seen, int64_t now);

/* The first minute after `after` in which a job is due, when each minute is looked at as it comes; -1: none within
 * CRON_HORIZON_DAYS.  Never more than some thousand days are looked at. */
#define CRON_HORIZON_DAYS (8 * 366 + 1) /* from one February 29th to the next, over a year 2100 */
int64_t cron_next(const struct cron_spec *spec, int64_t after);

/* What to pass as `after` when minutes up to `seen` (0: none) were looked at. */
int64_t cron_last(int64_t seen, int64_t now);

/* What to pass as `seen` the next time. */
int64_t cron_seen(int64_t seen, int64_t now);

#endif
