/* sink_socket.c - a datagram for each line: as it is, or as syslog has it (RFC 3164). */
#include "sink.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <uwsgi/socket.h>

#include "syslog_text.h"

#define SEND_MS 1000 /* for a receiver on this machine that is too slow */
#define DEV_LOG "/dev/log"
#define DAEMON_NOTICE 29
#define PORT ":514" /* of syslog, RFC 5426 */

/* ---- the socket ---- */

/* "HOST", "HOST:PORT" or "/PATH" */
static int socket_open(struct sink *sink)
{
	const struct timeval patience = { .tv_sec = SEND_MS / 1000 };
	char address[PATH_MAX];
	bool complete = strpbrk(sink->path, "/:");
	if (snprintf(address, sizeof address, "%s%s", sink->path, complete ? "" : PORT) >= (int)sizeof address)
		return -ENAMETOOLONG;
	int fd = uwsgi_connect_datagram(address);
	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	sink->fd = fd;
	return 0;
}

/* One message; the error of an earlier one, which UDP reports with the next, is not its own. */
static int send_one(struct sink *sink, const char *text, size_t len)
{
	if (send(sink->fd, text, len, MSG_NOSIGNAL) != -1 || send(sink->fd, text, len, MSG_NOSIGNAL) != -1)
		return 0;
	int error = -errno;
	close(sink->fd); /* a receiver that was started again has to be found again */
	sink->fd = -1;
	return error;
}

/* "ADDRESS,TEXT" */
static int configure_address(struct sink *sink, char *args)
{
	char *comma = strchr(args, ',');
	if (comma)
		*comma++ = 0;
	sink->path = args;
	sink->prefix = comma ? comma : (char *)"";
	if (*args)
		return 0;
	uwsgi_cause("logger %s: the address is missing", sink->name);
	return -EINVAL;
}

static ssize_t plain_write(struct sink *sink, const char *text, size_t len)
{
	char message[SINK_BUFFER + 512];
	int n = snprintf(message, 512, "%s", sink->prefix);
	size_t at = n < 512 ? (size_t)n : 511;
	memcpy(message + at, text, len);
	int failed = send_one(sink, message, at + len);
	return failed ? failed : (ssize_t)len;
}

const struct sink_type sink_socket = { .configure = configure_address, .open = socket_open, .write = plain_write };

/* ---- syslog ---- */

/* "IDENT,FACILITY" */
static int configure_syslog(struct sink *sink, char *args)
{
	char *comma = strchr(args, ',');
	int facility = 3;
	if (comma)
		*comma++ = 0;
	if (comma && (facility = syslog_facility(comma)) < 0) {
		uwsgi_cause("logger %s: syslog knows no facility %s", sink->name, comma);
		return -EINVAL;
	}
	sink->path = (char *)DEV_LOG;
	sink->prefix = *args ? args : (char *)"uwsgi";
	sink->priority = facility << 3 | (DAEMON_NOTICE & 7);
	return 0;
}

static int configure_rsyslog(struct sink *sink, char *args)
{
	int64_t packet_max = 0, split = 0;
	int failed = configure_address(sink, args);
	uwsgi_option_number("rsyslog-packet-size", &packet_max);
	uwsgi_option_number("rsyslog-split-messages", &split);
	sink->packet_max = packet_max > SYSLOG_HEAD_MAX ? (size_t)packet_max : 1024;
	sink->split = split;
	sink->priority = DAEMON_NOTICE;
	return failed;
}

static ssize_t syslog_write(struct sink *sink, const char *text, size_t len)
{
	char message[SINK_BUFFER + SYSLOG_HEAD_MAX];
	size_t head = syslog_head(message, sink->priority, time(NULL), sink->prefix);
	size_t n = len && text[len - 1] == '\n' ? len - 1 : len, at = 0;
	size_t room = sink->packet_max ? sink->packet_max - head : SINK_BUFFER;
	do {
		size_t piece = n - at < room ? n - at : room;
		memcpy(message + head, text + at, piece);
		int failed = send_one(sink, message, head + piece);
		if (failed)
			return failed;
		at += piece;
	} while (sink->split && at < n);
	return (ssize_t)len;
}

const struct sink_type sink_syslog = { .configure = configure_syslog, .open = socket_open, .write = syslog_write };
const struct sink_type sink_rsyslog = { .configure = configure_rsyslog, .open = socket_open, .write = syslog_write };
