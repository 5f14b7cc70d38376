/* cron.c - see cron.h. */
#include "cron.h"

#include <stddef.h>

const char *cron_wrong(const struct cron_spec *spec)
{
	static const struct {
		int16_t least, most;
		const char *rule;
	} rows[] = {
		[CRON_MINUTE] = { 0, 59, "a minute is 0 to 59" }, [CRON_HOUR] = { 0, 23, "an hour is 0 to 23" },
		[CRON_DAY] = { 1, 31, "a day is 1 to 31" },	  [CRON_MONTH] = { 1, 12, "a month is 1 to 12" },
		[CRON_WEEKDAY] = { 0, 7, "a weekday is 0 to 7" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (spec->field[i] >= 0 && (spec->field[i] < rows[i].least || spec->field[i] > rows[i].most))
			return rows[i].rule;
	return NULL;
}

static bool field_matches(int16_t wanted, int value)
{
	if (wanted >= 0)
		return wanted == value;
	return wanted == -1 || value % -wanted == 0;
}

static bool day_matches(const struct cron_spec *spec, const struct tm *local)
{
	const int16_t *f = spec->field;
	int16_t weekday = f[CRON_WEEKDAY] == 7 ? 0 : f[CRON_WEEKDAY];
	bool day = field_matches(f[CRON_DAY], local->tm_mday), week = field_matches(weekday, local->tm_wday);
	bool either = f[CRON_DAY] >= 0 && weekday >= 0;
	return field_matches(f[CRON_MONTH], local->tm_mon + 1) && (either ? day || week : day && week);
}

bool cron_matches(const struct cron_spec *spec, const struct tm *local)
{
	return field_matches(spec->field[CRON_MINUTE], local->tm_min) &&
	       field_matches(spec->field[CRON_HOUR], local->tm_hour) && day_matches(spec, local);
}

static bool has_fixed_time(const struct cron_spec *spec)
{
	return spec->field[CRON_MINUTE] >= 0 && spec->field[CRON_HOUR] >= 0;
}

static struct tm local_of(int64_t minute)
{
	struct tm tm;
	time_t at = (time_t)minute * 60;
	localtime_r(&at, &tm);
	return tm;
}

/* Minutes the local clock is ahead of UTC. */
static int64_t offset_of(int64_t minute)
{
	return local_of(minute).tm_gmtoff / 60;
}

/* Did the local clock show this once already, before it was set back? */
static bool is_repeated(int64_t minute)
{
	int64_t back = offset_of(minute - CRON_JUMP_MINUTES) - offset_of(minute);
	return back > 0 && offset_of(minute - back) - back == offset_of(minute);
}

/* Does a local time match that the clock never shows, because it is set forward to this minute? */
static bool matches_skipped(const struct cron_spec *spec, int64_t minute)
{
	int64_t before = offset_of(minute - 1), ahead = offset_of(minute) - before;
	for (int64_t i = 0; i < ahead; i++) {
		/* the local time that would have been, as if it were UTC */
		time_t would_be = (time_t)(minute + before + i) * 60;
		struct tm tm;
		gmtime_r(&would_be, &tm);
		if (cron_matches(spec, &tm))
			return true;
	}
	return false;
}

static bool fixed_is_due_at(const struct cron_spec *spec, int64_t minute)
{
	struct tm tm = local_of(minute);
	return (cron_matches(spec, &tm) && !is_repeated(minute)) || matches_skipped(spec, minute);
}

bool cron_is_due(const struct cron_spec *spec, int64_t seen, int64_t now)
{
	struct tm tm = local_of(now);
	bool anew = now - seen > CRON_JUMP_MINUTES || seen - now > CRON_JUMP_MINUTES;
	if (!has_fixed_time(spec))
		return cron_matches(spec, &tm);
	if (anew)
		return cron_matches(spec, &tm);
	for (int64_t minute = seen + 1; minute <= now; minute++)
		if (fixed_is_due_at(spec, minute))
			return true;
	return false;
}

/* ---- the next time ---- */

static bool has_a_time(const struct cron_spec *spec)
{
	bool minute = false, hour = false;
	for (int value = 0; value < 60; value++)
		minute |= field_matches(spec->field[CRON_MINUTE], value);
	for (int value = 0; value < 24; value++)
		hour |= field_matches(spec->field[CRON_HOUR], value);
	return minute && hour;
}

/* The first minute of the next day, or, where a day is longer than usual, a later one of the same. */
static int64_t next_day(int64_t minute)
{
	struct tm tm = local_of(minute);
	int64_t there = minute + 24 * 60 - (tm.tm_hour * 60 + tm.tm_min);
	struct tm then = local_of(there);
	int64_t midnight = there - (then.tm_hour * 60 + then.tm_min);
	/* a day may begin later than at midnight */
	return then.tm_mday != tm.tm_mday && local_of(midnight).tm_mday == then.tm_mday ? midnight : there;
}

/* The next full hour, unless the clock is set on the way there. */
static int64_t next_hour(int64_t minute)
{
	int64_t there = minute + 60 - local_of(minute).tm_min;
	return offset_of(there) == offset_of(minute) ? there : minute + 1;
}

int64_t cron_next(const struct cron_spec *spec, int64_t after)
{
	int64_t horizon = after + (int64_t)CRON_HORIZON_DAYS * 24 * 60;
	if (!has_a_time(spec))
		return -1;
	for (int64_t minute = after + 1; minute <= horizon;) {
		if (cron_is_due(spec, minute - 1, minute))
			return minute;
		struct tm tm = local_of(minute);
		if (!day_matches(spec, &tm))
			minute = next_day(minute);
		else if (!field_matches(spec->field[CRON_HOUR], tm.tm_hour))
			minute = next_hour(minute);
		else
			minute++;
	}
	return -1;
}

int64_t cron_seen(int64_t seen, int64_t now)
{
	return now > seen || seen - now > CRON_JUMP_MINUTES ? now : seen;
}

int64_t cron_last(int64_t seen, int64_t now)
{
	bool jumped = seen - now > CRON_JUMP_MINUTES;
	return seen < now || jumped ? now - 1 : seen;
}
