/* syslog_text.c - see syslog_text.h. */
#include "syslog_text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define IDENT_MAX 255

static const char *const facilities[] = {
	"kern",	  "user",   "mail",	"daemon", "auth",   "syslog", "lpr",	"news",
	"uucp",	  "cron",   "authpriv", "ftp",	  NULL,	    NULL,     NULL,	NULL,
	"local0", "local1", "local2",	"local3", "local4", "local5", "local6", "local7",
};
/* the language of the date is that of the protocol, not of the machine */
static const char months[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

int syslog_facility(const char *name)
{
	for (size_t i = 0; i < sizeof facilities / sizeof *facilities; i++)
		if (facilities[i] && !strcasecmp(name, facilities[i]))
			return (int)i;
	return -1;
}

size_t syslog_head(char text_r[SYSLOG_HEAD_MAX], int priority, time_t now, const char *ident)
{
	struct tm tm;
	localtime_r(&now, &tm);
	return (size_t)snprintf(text_r, SYSLOG_HEAD_MAX, "<%d>%s %2d %02d:%02d:%02d %.*s: ", priority & 0xff,
				months[tm.tm_mon % 12], tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100,
				tm.tm_sec % 100, IDENT_MAX, ident);
}
