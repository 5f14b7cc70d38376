/* log_seldom.c - what may happen at any pace is told once a second; see uwsgi/log.h. */
#include "log_seldom.h"

#include <stdarg.h>
#include <stdio.h>
#include <uwsgi/loop.h>

#define PAUSE_MS 1000
#define LINE_MAX_BYTES 1024

bool log_seldom_may(struct uwsgi_log_seldom *seldom, uint64_t now_ms, uint64_t *kept_back_r)
{
	uint64_t next_ms = __atomic_load_n(&seldom->next_ms, __ATOMIC_RELAXED);
	if (now_ms < next_ms || !__atomic_compare_exchange_n(&seldom->next_ms, &next_ms, now_ms + PAUSE_MS, false,
							     __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		__atomic_fetch_add(&seldom->kept_back, 1, __ATOMIC_RELAXED);
		return false;
	}
	*kept_back_r = __atomic_exchange_n(&seldom->kept_back, 0, __ATOMIC_RELAXED);
	return true;
}

void uwsgi_log_seldom(struct uwsgi_log_seldom *seldom, const char *fmt, ...)
{
	uint64_t kept_back;
	char line[LINE_MAX_BYTES];
	if (!log_seldom_may(seldom, uwsgi_now_ms(), &kept_back))
		return;
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	if (kept_back)
		uwsgi_log("%s (and %llu times since this was last told)\n", line, (unsigned long long)kept_back);
	else
		uwsgi_log("%s\n", line);
}
