/* spooler_command.c - uwsgi --spool-list, --spool-retry and --spool-purge DIR: an operator looks after the tasks of a
 * directory, whether a server runs or not.  Each is done when its option is read, and ends the program. */
#include "spooler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "spool_dir.h"
#include "spool_job.h"
#include "spool_tries.h"

struct command {
	struct spool_dir dir;
	const char *done; /* "retried" */
	unsigned count, failed;
};

static void open_dir(const char *key, const char *path, struct command *command)
{
	int failed = spool_dir_open(&command->dir, path);
	if (failed)
		fprintf(stderr, "uwsgi: --%s %s: %s\n", key, path, strerror(-failed));
	if (failed || fchdir(command->dir.fd) == -1)
		exit(1);
}

static _Noreturn void end(const struct command *command)
{
	if (command->done)
		printf("%u %s\n", command->count, command->done);
	exit(command->failed ? 1 : 0);
}

static const char *state_of(struct spool_job *job, const struct stat *st)
{
	int failed = spool_job_read(job, true, SPOOL_PACKET_MAX);
	if (failed == -EAGAIN)
		return "running";
	if (failed)
		return failed == -EBADMSG ? "torn" : "unreadable";
	return spool_is_early(st->st_mtim.tv_sec, st->st_ctim.tv_sec, time(NULL)) ? "later" : "waiting";
}

static void print_task(const char *path, void *data)
{
	struct command *command = data;
	struct spool_job job = { .fd = -1, .path = path };
	struct stat st;
	char when[32];
	struct tm tm;
	if (fstatat(command->dir.fd, path, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return;
	const char *state = strncmp(path, SPOOL_DEAD "/", sizeof SPOOL_DEAD) ? state_of(&job, &st) : "dead";
	spool_job_destroy(&job);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime_r(&st.st_mtim.tv_sec, &tm));
	printf("%-8s %s %9lld bytes  ", state, when, (long long)st.st_size);
	for (const char *c = path; *c; c++) /* a name is any bytes, and a terminal obeys some */
		putchar((unsigned char)*c < ' ' || *c == 127 ? '?' : *c);
	unsigned tries = spool_tries_read(&command->dir, path);
	if (tries)
		printf(" (failed %u times)", tries);
	putchar('\n');
}

static void print_dead(const char *name, void *data)
{
	char path[SPOOL_NAME_MAX + sizeof SPOOL_DEAD];
	snprintf(path, sizeof path, SPOOL_DEAD "/%s", name);
	print_task(path, data);
}

int spooler_command_list(const char *key, const char *value, void *data)
{
	struct command command = { 0 };
	const struct spool_scan scan = { print_task, NULL, &command };
	(void)data;
	open_dir(key, value, &command);
	(void)spool_dir_scan(&command.dir, &scan);
	(void)spool_dir_each_dead(&command.dir, print_dead, &command);
	end(&command);
}

static void report(struct command *command, const char *name, int failed)
{
	command->count += !failed;
	command->failed += failed != 0;
	if (failed)
		fprintf(stderr, "uwsgi: %s: %s\n", name, strerror(-failed));
}

/* Back to where it was, which the task itself says. */
static void retry_one(const char *name, void *data)
{
	struct command *command = data;
	char path[SPOOL_NAME_MAX + sizeof SPOOL_DEAD], priority[16] = "";
	snprintf(path, sizeof path, SPOOL_DEAD "/%s", name);
	struct spool_job job = { .fd = -1, .path = path };
	int failed = spool_job_read(&job, true, SPOOL_PACKET_MAX);
	struct uwsgi_str given = failed ? (struct uwsgi_str){ NULL, 0 } : spool_task_value(&job.task, "priority");
	if (given.n && given.n < sizeof priority - 1) {
		snprintf(priority, sizeof priority, "%.*s", (int)given.n, given.p);
		if (spool_priority_of(priority) < 0)
			*priority = 0;
		else
			strcat(priority, "/");
	}
	spool_job_destroy(&job);
	report(command, name, failed ? failed : spool_dir_raise(&command->dir, name, priority));
}

int spooler_command_retry(const char *key, const char *value, void *data)
{
	struct command command = { .done = "retried" };
	(void)data;
	open_dir(key, value, &command);
	(void)spool_dir_each_dead(&command.dir, retry_one, &command);
	end(&command);
}

static void purge_one(const char *name, void *data)
{
	struct command *command = data;
	char path[SPOOL_NAME_MAX + sizeof SPOOL_DEAD];
	snprintf(path, sizeof path, SPOOL_DEAD "/%s", name);
	report(command, name, unlinkat(command->dir.fd, path, 0) == -1 ? -errno : 0);
}

int spooler_command_purge(const char *key, const char *value, void *data)
{
	struct command command = { .done = "removed" };
	(void)data;
	open_dir(key, value, &command);
	(void)spool_dir_each_dead(&command.dir, purge_one, &command);
	end(&command);
}
