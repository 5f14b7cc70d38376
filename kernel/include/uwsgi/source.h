/* uwsgi/source.h - what raises signals by itself: timers, cron, files, probes.  The master keeps them, for the
 * generation they were added in, and raises their numbers while that generation serves. */
#ifndef UWSGI_SOURCE_H
#define UWSGI_SOURCE_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

enum uwsgi_source_type { UWSGI_SOURCE_TIMER = 1, UWSGI_SOURCE_CRON, UWSGI_SOURCE_FILE, UWSGI_SOURCE_PROBE };

struct uwsgi_source {
	uint8_t type; /* enum uwsgi_source_type */
	uint8_t number;
	int16_t cron[5];    /* CRON: minute, hour, day, month, weekday; -1 any, -n every n */
	int64_t period_ms;  /* TIMER; PROBE: from an answer to the next question */
	int64_t times;	    /* TIMER: how often; 0: for ever */
	int64_t timeout_ms; /* PROBE: for an answer */
	char path[256];	    /* FILE; PROBE: the address to connect to, numeric.  Terminated */
};

/* Add one; the same one again changes nothing.  0, -EINVAL, -ERANGE for a time that never comes, or
 * -ENOTCONN without a master.  [zygote] [child] */
UWSGI_API int uwsgi_source_add(const struct uwsgi_source *source);

UWSGI_END_DECLS
#endif
