/* log_target.c - see log_target.h.  Descriptors 1 and 2 are the log; here is only who opens them, when, and how. */
#include "log_target.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/log.h>
#include <uwsgi/socket.h>

#include "handover.h"
#include "log.h"
#include "option.h"
#include "privs.h"

#define KEPT "log file" /* its name in the handover */
#define DATE_CTIME "%a %b %e %H:%M:%S %Y"

struct log_target {
	const char *daemonize, *daemonize2, *logto, *logto2;
	const char *date, *prefix;
	bool truncate, chown;
	int mode; /* 0: as it is */
};

static int apply_mode(const char *key, const char *value, void *data)
{
	struct log_target *target = data;
	if (strlen(value) != 3 || strspn(value, "01234567") != 3) {
		uwsgi_log("%s = %s: invalid mode, give three octal digits such as 640\n", key, value);
		return -EINVAL;
	}
	target->mode = (int)strtol(value, NULL, 8);
	return 0;
}

static int apply_date(const char *key, const char *value, void *data)
{
	struct log_target *target = data;
	(void)key;
	bool plain = !*value || !strcasecmp(value, "true") || !strcmp(value, "1");
	target->date = plain ? DATE_CTIME : strdup(value);
	return target->date ? 0 : -ENOMEM;
}

/* Without a text it is log-date, as it always was. */
static int apply_prefix(const char *key, const char *value, void *data)
{
	struct log_target *target = data;
	if (!*value || !strcasecmp(value, "true"))
		return apply_date(key, "", data);
	target->prefix = strdup(value);
	return target->prefix ? 0 : -ENOMEM;
}

#define FIELD(NAME) ((void *)offsetof(struct log_target, NAME))
#define GROUP .group = "logging"

/* clang-format off */
static const struct uwsgi_option rows[] = {
	{ "daemonize", 'd', UWSGI_OPT_STR, .value = FIELD(daemonize), GROUP, .help = "go to the background and log to this file, or to host:port by UDP" },
	{ "daemonize2", .type = UWSGI_OPT_STR, .value = FIELD(daemonize2), GROUP, .help = "go to the background when the sockets are bound, and log to this file, or to host:port by UDP" },
	{ "logto", .type = UWSGI_OPT_STR, .value = FIELD(logto), GROUP, .help = "log to this file, or to host:port by UDP" },
	{ "logto2", .type = UWSGI_OPT_STR, .value = FIELD(logto2), GROUP, .help = "log to this file, opened after privileges were dropped, or to host:port by UDP" },
	{ "log-truncate", .type = UWSGI_OPT_BOOL, .value = FIELD(truncate), GROUP, .help = "begin with an empty log file" },
	{ "logfile-chmod", .type = UWSGI_OPT_CALL, .apply = apply_mode, GROUP, .help = "mode of the log file, three octal digits (default 640)" },
	{ "logfile-chown", .type = UWSGI_OPT_BOOL, .value = FIELD(chown), GROUP, .help = "give the log file to uid and gid" },
	{ "log-date", .type = UWSGI_OPT_CALL, .arg = UWSGI_ARG_OPTIONAL, .apply = apply_date, GROUP, .help = "begin each line of the server with the date, in this format of strftime" },
	{ "logdate", .alias_of = "log-date" },
	{ "log-prefix", .type = UWSGI_OPT_CALL, .arg = UWSGI_ARG_OPTIONAL, .apply = apply_prefix, GROUP, .help = "begin each line of the server with this text" },
	{ 0 },
};
/* clang-format on */

struct log_target *log_target_create(struct option_registry *options)
{
	struct log_target *target = calloc(1, sizeof *target); /* as long as the process */
	return target && option_register(options, "the kernel", rows, sizeof *rows, target) == 0 ? target : NULL;
}

/* Mode and owner, by descriptor: the name may be somebody's link by now. */
static int hand_over(const struct log_target *target, const struct privs *privs)
{
	uid_t uid;
	gid_t gid;
	if (target->mode && fchmod(STDERR_FILENO, (mode_t)target->mode) == -1)
		return -errno;
	if (!target->chown)
		return 0;
	int failed = privs_uid(privs->uid, &uid);
	if (!failed)
		failed = privs_gid(privs->gid, &gid);
	return failed ? failed : fchown(STDERR_FILENO, uid, gid) == -1 ? -errno : 0;
}

static int log_to_udp(const char *address)
{
	int fd = uwsgi_connect_datagram(address);
	return fd < 0 ? fd : log_to_socket(fd);
}

static int send_to(const struct log_target *target, const struct privs *privs, const char *where)
{
	bool udp = log_is_udp(where);
	int failed = udp ? log_to_udp(where) : log_to_file(where, target->truncate);
	if (!failed && !udp)
		failed = hand_over(target, privs);
	if (failed)
		uwsgi_cause("cannot open the log %s: %s", where, strerror(-failed));
	return failed;
}

/* Leave the terminal.  The one that started us ends when there is nothing left to go wrong but the application. */
static int daemonize(void)
{
	pid_t pid = fork();
	if (pid == -1) {
		uwsgi_cause("cannot go to the background: %s", strerror(errno));
		return -errno;
	}
	if (pid > 0)
		_exit(0);
	setsid();
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null != -1) {
		dup2(null, STDIN_FILENO);
		close(null);
	}
	return 0;
}

int log_target_begin(const struct log_target *target, const struct privs *privs)
{
	const char *where = target->daemonize ? target->daemonize : target->logto;
	int failed = where ? send_to(target, privs, where) : 0;
	if (failed)
		return failed;
	log_stamp(target->date, target->prefix);
	return target->daemonize ? daemonize() : 0;
}

int log_target_bound(const struct log_target *target, const struct privs *privs, bool *forked_r)
{
	*forked_r = target->daemonize2;
	if (!target->daemonize2)
		return 0;
	int failed = send_to(target, privs, target->daemonize2);
	return failed ? failed : daemonize();
}

int log_target_unprivileged(const struct log_target *target, const struct privs *privs)
{
	return target->logto2 ? send_to(target, privs, target->logto2) : 0;
}

int log_target_keep(struct handover *handover)
{
	return uwsgi_log_file() ? handover_keep(handover, KEPT, -1, uwsgi_log_file()) : 0;
}

void log_target_again(const struct log_target *target, struct handover *handover)
{
	const char *file;
	if (handover_claim(handover, KEPT, NULL, &file))
		log_set_file(file);
	log_stamp(target->date, target->prefix);
}
