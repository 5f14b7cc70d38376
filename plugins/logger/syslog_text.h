/* syslog_text.h - how a message of syslog begins (RFC 3164, without the name of the host). */
#ifndef LOGGER_SYSLOG_TEXT_H
#define LOGGER_SYSLOG_TEXT_H

#include <stddef.h>
#include <time.h>

#define SYSLOG_HEAD_MAX 320

/* Number of a facility ("daemon", "local0", ...), -1: there is none of that name. */
int syslog_facility(const char *name);
/* "<29>Nov 21 14:52:47 uwsgi: "; its length, less than SYSLOG_HEAD_MAX. */
size_t syslog_head(char text_r[SYSLOG_HEAD_MAX], int priority, time_t now, const char *ident);

#endif
