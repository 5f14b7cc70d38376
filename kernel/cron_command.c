/* cron_command.c - see cron_command.h. */
#include "cron_command.h"

#include "handover.h"
#include "option.h"
#include "shell.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/log.h>

/* One that runs. */
struct running {
	struct uwsgi_timer harakiri; /* first: the timer is all of it */
	struct cron_commands *all;
	struct cron_command *of; /* NULL: of a configuration before this one */
	char *command;
	pid_t pid;
	uint64_t since_ms;
	struct running *next;
};

struct cron_commands {
	struct kernel *k;
	struct uwsgi_timer minute;
	struct running *running;
};

/* What is configured. */
static struct cron_command *wanted;
static size_t wanted_count;
static int default_harakiri_s;

/* ---- reading ---- */

static const char *const field_names[5] = { "minute", "hour", "day", "month", "week" };

static bool read_number(const char *text, size_t n, long *number_r)
{
	char copy[16], *end;
	if (n == 0 || n >= sizeof copy)
		return false;
	memcpy(copy, text, n);
	copy[n] = 0;
	*number_r = strtol(copy, &end, 10);
	return !*end && *number_r >= INT32_MIN && *number_r <= INT32_MAX;
}

/* What does not fit is as far out of every range. */
static int16_t field_of(long number)
{
	return (int16_t)(number < INT16_MIN ? INT16_MIN : number > INT16_MAX ? INT16_MAX : number);
}

static int set_keyed(struct cron_command *c, const char *item, size_t n)
{
	const char *equals = memchr(item, '=', n);
	long number;
	if (!equals || !read_number(equals + 1, n - (size_t)(equals + 1 - item), &number))
		return -EINVAL;
	size_t key = (size_t)(equals - item);
	for (int i = 0; i < 5; i++)
		if (key >= strlen(field_names[i]) && !strncmp(item, field_names[i], strlen(field_names[i]))) {
			c->spec.field[i] = field_of(number);
			return 0;
		}
	if (key == 6 && !strncmp(item, "unique", 6))
		c->unique = number;
	else if (key == 8 && !strncmp(item, "harakiri", 8))
		c->harakiri_s = (int)number;
	else
		return -EINVAL;
	return 0;
}

/* Both read from the front of a text, and say where the command begins; NULL: something else is there. */
static const char *read_keyed(const char *text, struct cron_command *c)
{
	for (;; text++) {
		size_t n = strcspn(text, ", ");
		if (set_keyed(c, text, n))
			return NULL;
		text += n;
		if (*text != ',')
			return text;
	}
}

static const char *read_plain(const char *text, struct cron_command *c)
{
	for (int i = 0; i < 5; i++) {
		size_t n = strcspn(text, " ");
		long number;
		if (!read_number(text, n, &number))
			return NULL;
		c->spec.field[i] = field_of(number);
		text += n + strspn(text + n, " ");
	}
	return text;
}

int cron_command_parse(const char *text, bool keyed, struct cron_command *command_r, const char **why_r)
{
	struct cron_command c = { .spec = { { -1, -1, -1, -1, -1 } } };
	text += strspn(text, " ");
	const char *command = keyed ? read_keyed(text, &c) : read_plain(text, &c);
	*why_r = command ? cron_wrong(&c.spec) : NULL;
	if (*why_r)
		return -EINVAL;
	command = command ? command + strspn(command, " ") : "";
	if (!*command) {
		*why_r = keyed ? "give key=number,... and a command"
			       : "give minute hour day month weekday and a command";
		return -EINVAL;
	}
	c.command = strdup(command);
	if (!c.command) {
		*why_r = "memory is out";
		return -ENOMEM;
	}
	*command_r = c;
	return 0;
}

enum form { FORM_PLAIN, FORM_UNIQUE, FORM_KEYED };
static const enum form plain = FORM_PLAIN, unique = FORM_UNIQUE, keyed = FORM_KEYED;

static int apply(const char *key, const char *value, void *data)
{
	enum form form = *(const enum form *)data;
	const char *why;
	struct cron_command *all = reallocarray(wanted, wanted_count + 1, sizeof *all);
	if (!all)
		return -ENOMEM;
	wanted = all;
	int failed = cron_command_parse(value, form == FORM_KEYED, &wanted[wanted_count], &why);
	if (failed) {
		uwsgi_log("%s = %s: invalid cron syntax: %s\n", key, value, why);
		return failed;
	}
	wanted[wanted_count].unique |= form == FORM_UNIQUE;
	uwsgi_log("[uwsgi-cron] command \"%s\" registered as cron task\n", wanted[wanted_count].command);
	wanted_count++;
	return 0;
}

int cron_command_register(struct option_registry *options)
{
#define ROW(NAME, FORM, HELP)                                                                                          \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_CALL, .apply = apply, .data = (void *)&FORM, .help = HELP,             \
		.group = "cron", .flags = UWSGI_OPT_MASTER                                                             \
	}
	static const struct uwsgi_option rows[] = {
		ROW("cron", plain,
		    "\"minute hour day month weekday command\": run a command at these local times; -1 is any, -n "
		    "every n"),
		ROW("unique-cron", unique, "the same, but not while the command runs still"),
		ROW("cron2", keyed,
		    "\"minute=5,hour=-1,day=..,month=..,week=..,unique=1,harakiri=60 command\": the same with names"),
		{ .name = "cron-harakiri",
		  .type = UWSGI_OPT_INT,
		  .value = &default_harakiri_s,
		  .group = "cron",
		  .help = "seconds after which a command of cron is killed" },
		{ 0 },
	};
	return option_register(options, "the kernel", rows, sizeof *rows, NULL);
}

/* ---- running ---- */

static void on_harakiri(struct uwsgi_timer *timer)
{
	const struct running *r = (const struct running *)timer;
	uwsgi_log("[uwsgi-cron] command \"%s\" (pid %d) took too long and is killed\n", r->command, (int)r->pid);
	kill(-r->pid, SIGKILL);
}

static void remember(struct cron_commands *c, struct cron_command *of, const char *command, pid_t pid,
		     uint64_t since_ms)
{
	struct running *r = calloc(1, sizeof *r);
	char *copy = strdup(command);
	if (!r || !copy) {
		free(r);
		free(copy);
		return;
	}
	*r = (struct running){ .all = c, .of = of, .command = copy, .pid = pid, .since_ms = since_ms };
	r->harakiri.fn = on_harakiri;
	r->next = c->running;
	c->running = r;
	int limit = of && of->harakiri_s ? of->harakiri_s : default_harakiri_s;
	uint64_t age = uwsgi_now_ms() - since_ms;
	if (limit)
		uwsgi_loop_timer(c->k->loop, &r->harakiri,
				 (uint64_t)limit * 1000 > age ? (uint64_t)limit * 1000 - age : 0);
}

static bool is_running(const struct cron_commands *c, const struct cron_command *command)
{
	for (const struct running *r = c->running; r; r = r->next)
		if (r->of == command)
			return true;
	return false;
}

static void run(struct cron_commands *c, struct cron_command *command)
{
	if (command->unique && is_running(c, command))
		return;
	pid_t pid = shell_run(command->command);
	command->last = (int64_t)(uwsgi_micros() / 1000000);
	if (pid < 0) {
		command->failures++;
		uwsgi_log("[uwsgi-cron] cannot run \"%s\": %s; its next time is tried again\n", command->command,
			  strerror(-pid));
		return;
	}
	uwsgi_log("[uwsgi-cron] running \"%s\" (pid %d)\n", command->command, (int)pid);
	command->runs++;
	remember(c, command, command->command, pid, uwsgi_now_ms());
}

static void on_minute(struct uwsgi_timer *timer)
{
	struct cron_commands *c = timer->data;
	int64_t now = (int64_t)(uwsgi_micros() / 60000000), seen = atomic_load(&c->k->shared->command_minute);
	if (!seen)
		seen = now - 1;
	for (size_t i = 0; i < wanted_count && now != seen; i++)
		if (cron_is_due(&wanted[i].spec, seen, now))
			run(c, &wanted[i]);
	atomic_store(&c->k->shared->command_minute, cron_seen(seen, now));
	uwsgi_loop_timer(c->k->loop, timer, 60000 - uwsgi_micros() / 1000 % 60000);
}

bool cron_commands_buried(struct cron_commands *c, pid_t pid, int wstatus)
{
	for (struct running **at = &c->running; *at; at = &(*at)->next) {
		struct running *r = *at;
		if (r->pid != pid)
			continue;
		uwsgi_log("[uwsgi-cron] command \"%s\" running with pid %d exited after %llu second(s)\n", r->command,
			  (int)pid, (unsigned long long)(uwsgi_now_ms() - r->since_ms) / 1000);
		if (WIFEXITED(wstatus) && WEXITSTATUS(wstatus))
			uwsgi_log("[uwsgi-cron] its status was %d\n", WEXITSTATUS(wstatus));
		if (r->of)
			r->of->failures += !WIFEXITED(wstatus) || WEXITSTATUS(wstatus);
		uwsgi_loop_timer_stop(c->k->loop, &r->harakiri);
		*at = r->next;
		free(r->command);
		free(r);
		return true;
	}
	return false;
}

void cron_commands_each(const struct cron_commands *c,
			void (*fn)(const struct cron_command *command, pid_t pid, int64_t next, void *data), void *data)
{
	int64_t now = (int64_t)(uwsgi_micros() / 60000000), seen = atomic_load(&c->k->shared->command_minute);
	for (size_t i = 0; i < wanted_count; i++) {
		const struct running *r = c->running; /* the newest comes first */
		while (r && r->of != &wanted[i])
			r = r->next;
		int64_t next = cron_next(&wanted[i].spec, cron_last(seen, now));
		fn(&wanted[i], r ? r->pid : 0, next < 0 ? 0 : next * 60, data);
	}
}

void cron_commands_end(struct cron_commands *c)
{
	uwsgi_loop_timer_stop(c->k->loop, &c->minute);
	for (const struct running *r = c->running; r; r = r->next)
		kill(-r->pid, SIGTERM);
}

/* ---- over a reload ---- */

/* "runs failures last minute hour day month weekday command" */
static void keep_record(const struct cron_commands *c, int n, const struct cron_command *command)
{
	char name[32], *text;
	const int16_t *f = command->spec.field;
	snprintf(name, sizeof name, "cron record %d", n);
	if (asprintf(&text, "%" PRIu64 " %" PRIu64 " %" PRId64 " %d %d %d %d %d %s", command->runs, command->failures,
		     command->last, f[0], f[1], f[2], f[3], f[4], command->command) == -1)
		return;
	handover_keep(c->k->handover, name, -1, text);
	free(text);
}

void cron_commands_keep(const struct cron_commands *c)
{
	int n = 0;
	for (const struct running *r = c->running; r; r = r->next) {
		char name[32], *text;
		snprintf(name, sizeof name, "cron command %d", n++);
		if (asprintf(&text, "%d %llu %s", (int)r->pid, (unsigned long long)r->since_ms, r->command) == -1)
			return;
		handover_keep(c->k->handover, name, -1, text);
		free(text);
	}
	for (size_t i = 0; i < wanted_count; i++)
		keep_record(c, (int)i, &wanted[i]);
}

/* A record is of the command that has the same words and the same times. */
static void claim_record(const char *text)
{
	struct cron_command old;
	struct cron_spec spec;
	int16_t *f = spec.field;
	int at = 0;
	if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNd64 " %hd %hd %hd %hd %hd %n", &old.runs, &old.failures,
		   &old.last, &f[0], &f[1], &f[2], &f[3], &f[4], &at) < 8)
		return;
	for (size_t i = 0; i < wanted_count; i++)
		if (!strcmp(wanted[i].command, text + at) && !memcmp(&wanted[i].spec, &spec, sizeof spec)) {
			wanted[i].runs = old.runs;
			wanted[i].failures = old.failures;
			wanted[i].last = old.last;
		}
}

static void claim_records(struct cron_commands *c)
{
	const char *text;
	for (int n = 0;; n++) {
		char name[32];
		snprintf(name, sizeof name, "cron record %d", n);
		if (!handover_claim(c->k->handover, name, NULL, &text))
			return;
		claim_record(text);
		handover_drop(c->k->handover, name);
	}
}

static void claim(struct cron_commands *c)
{
	const char *text;
	for (int n = 0;; n++) {
		char name[32];
		int pid, at;
		unsigned long long since_ms;
		snprintf(name, sizeof name, "cron command %d", n);
		if (!handover_claim(c->k->handover, name, NULL, &text))
			return;
		if (sscanf(text, "%d %llu %n", &pid, &since_ms, &at) >= 2) {
			struct cron_command *of = NULL;
			for (size_t i = 0; i < wanted_count && !of; i++)
				if (!strcmp(wanted[i].command, text + at))
					of = &wanted[i];
			remember(c, of, text + at, pid, since_ms);
		}
		handover_drop(c->k->handover, name);
	}
}

struct cron_commands *cron_commands_begin(struct kernel *k)
{
	struct cron_commands *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->k = k;
	c->minute.fn = on_minute;
	c->minute.data = c;
	claim(c);
	claim_records(c);
	if (wanted_count)
		uwsgi_loop_timer(k->loop, &c->minute, 0);
	return c;
}
