/* logger_plugin.c - the process that writes the log (log-master, logger, log-maxsize, ...): the tables. */
#include "writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct writer_options options_given = { .line_max = 8192, .rsyslog_packet_size = 1024 };
static bool wanted;

/* log-syslog=X is logger = syslog:X, and so on: the row's data is the name. */
static int apply_logger_of(const char *key, const char *value, void *data)
{
	char spec[4096];
	const char *name = data;
	(void)key;
	if ((size_t)snprintf(spec, sizeof spec, "%s:%s", name, value) >= sizeof spec)
		return -E2BIG;
	return uwsgi_option_set("logger", spec);
}

static int init(void)
{
	if (options_given.line_max < 256 || options_given.line_max > 32768) {
		uwsgi_cause("log-master-bufsize = %d: give a number between 256 and 32768", options_given.line_max);
		return -EINVAL;
	}
	int result = writer_create(&options_given);
	wanted = result > 0;
	if (wanted)
		uwsgi_log_collect(writer_run);
	return result;
}

static int count(void)
{
	return wanted;
}

#define GIVEN(NAME) .value = &options_given.NAME, .group = "logging"
#define MASTER .flags = UWSGI_OPT_MASTER

/* clang-format off */
static const struct uwsgi_option options[] = {
	{ "log-master", .type = UWSGI_OPT_BOOL, MASTER, GIVEN(master), .help = "let one process write the lines of all" },
	{ "threaded-logger", .type = UWSGI_OPT_BOOL, MASTER, GIVEN(threaded), .help = "same as log-master: a process writes, the master never waits for it" },
	{ "log-master-bufsize", .type = UWSGI_OPT_INT, GIVEN(line_max), .help = "longest line in bytes, the rest is cut (default 8192)" },
	{ "log-master-stream", .type = UWSGI_OPT_BOOL, GIVEN(stream), .help = "accepted: lines come through a pipe that keeps them apart" },
	{ "log-master-req-stream", .type = UWSGI_OPT_BOOL, GIVEN(requests_stream), .help = "accepted, as log-master-stream" },
	{ "logger", .type = UWSGI_OPT_LIST, MASTER, GIVEN(loggers), .help = "send lines to [ID ]NAME:ARGS; names are file, fd, stdio, pipe, socket, syslog, rsyslog" },
	{ "req-logger", .type = UWSGI_OPT_LIST, MASTER, GIVEN(request_loggers), .help = "send the lines of requests to [ID ]NAME:ARGS" },
	{ "logger-req", .alias_of = "req-logger" },
	{ "log-syslog", .type = UWSGI_OPT_CALL, .arg = UWSGI_ARG_OPTIONAL, .apply = apply_logger_of, .data = (void *)"syslog", .group = "logging", .help = "same as logger = syslog:IDENT[,FACILITY]" },
	{ "log-socket", .type = UWSGI_OPT_CALL, .apply = apply_logger_of, .data = (void *)"socket", .group = "logging", .help = "same as logger = socket:ADDRESS[,PREFIX]" },
	{ "log-encoder", .type = UWSGI_OPT_LIST, MASTER, GIVEN(encoders), .help = "encode lines with NAME[:ID][ ARGS]; names are prefix, suffix, nl, format, json" },
	{ "log-req-encoder", .type = UWSGI_OPT_LIST, MASTER, GIVEN(request_encoders), .help = "encode the lines of request loggers with NAME[:ID][ ARGS]" },
	{ "log-route", .type = UWSGI_OPT_LIST, MASTER, GIVEN(routes), .help = "ID REGEX: lines that match go to the loggers of this id" },
	{ "log-req-route", .type = UWSGI_OPT_LIST, MASTER, GIVEN(request_routes), .help = "ID REGEX: lines of requests that match go to the request loggers of this id" },
	{ "log-drain", .type = UWSGI_OPT_LIST, MASTER, GIVEN(drains), .help = "drop the lines that match this expression" },
	{ "log-filter", .type = UWSGI_OPT_LIST, MASTER, GIVEN(filters), .help = "keep only the lines that match this expression" },
	{ "log-maxsize", .type = UWSGI_OPT_INT64, MASTER, GIVEN(max_bytes), .help = "rotate the log file when it has more bytes than this" },
	{ "log-backupname", .type = UWSGI_OPT_STR, GIVEN(backup), .help = "name of the rotated log file (default: its name and the time)" },
	{ "log-reopen", .type = UWSGI_OPT_BOOL, MASTER, GIVEN(reopen), .help = "open the log files again after a reload" },
	{ "touch-logreopen", .type = UWSGI_OPT_LIST, MASTER, GIVEN(touch_reopen), .help = "open the log files again when this file is touched" },
	{ "touch-logrotate", .type = UWSGI_OPT_LIST, MASTER, GIVEN(touch_rotate), .help = "rotate the log files when this file is touched" },
	{ "rsyslog-packet-size", .type = UWSGI_OPT_INT, GIVEN(rsyslog_packet_size), .help = "longest message to a remote syslog in bytes (default 1024)" },
	{ "rsyslog-split-messages", .type = UWSGI_OPT_BOOL, GIVEN(rsyslog_split), .help = "send what is longer as several messages" },
	{ 0 },
};
/* clang-format on */

static const struct uwsgi_kind kinds[] = {
	{ "logger", .flags = UWSGI_KIND_FROM_MASTER | UWSGI_KIND_SINGLE | UWSGI_KIND_LAST, .count = count,
	  .run = writer_run },
	{ 0 },
};

struct uwsgi_plugin logger_plugin = {
	.name = "logger",
	.alias = "logfile logpipe logsocket syslog rsyslog",
	.init = init,
	.strict = 1,
	.options = options,
	.kinds = kinds,
};
