/* mule_plugin.c - mules: the tables. */
#include "mule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX ((int64_t)1024 * 1024)
#define QUEUE_MIB 64

static struct mules all;
static struct uwsgi_strings farms, touches;
static int mercy; /* seconds; 0: the default */
static int64_t message_max = MESSAGE_MAX, queue_size = (int64_t)QUEUE_MIB << 20;

const struct mules *mules(void)
{
	return &all;
}

static int add_mule(const char *program)
{
	const char **programs = reallocarray(all.programs, (size_t)all.count + 1, sizeof *programs);
	if (!programs)
		return -ENOMEM;
	all.programs = programs;
	programs[all.count] = strdup(program);
	return programs[all.count++] ? 0 : -ENOMEM;
}

/* "true" is what a configuration file says for an option without a value. */
static int apply_mule(const char *key, const char *value, void *data)
{
	(void)key;
	(void)data;
	return add_mule(strcmp(value, "true") ? value : "");
}

static int apply_mules(const char *key, const char *value, void *data)
{
	char *end;
	long count = strtol(value, &end, 10);
	int failed = 0;
	(void)data;
	if (end == value || *end || count < 0 || count > 1000) {
		uwsgi_log("%s = %s: give the number of mules, 0 to 1000\n", key, value);
		return -EINVAL;
	}
	while (count-- > 0 && !failed)
		failed = add_mule("");
	return failed;
}

static int make_farms(void)
{
	all.farms = calloc(farms.n + 1, sizeof *all.farms);
	for (size_t i = 0; all.farms && i < farms.n; i++) {
		const char *wrong = farm_parse(farms.v[i], all.count, &all.farms[i]);
		if (wrong) {
			uwsgi_cause("farm = %s: %s", farms.v[i], wrong);
			return -EINVAL;
		}
		all.farm_count++;
		char members[256] = "";
		for (int number = 1; number <= all.count; number++)
			if (all.farms[i].members[number])
				snprintf(members + strlen(members), sizeof members - strlen(members), "%s%d",
					 *members ? "," : "", number);
		uwsgi_log("created farm %zu name: %s mules:%s\n", i + 1, all.farms[i].name, members);
	}
	return all.farms ? 0 : -ENOMEM;
}

static int make_queues(void)
{
	int count = 1 + all.count + all.farm_count;
	all.queues = calloc((size_t)count, sizeof *all.queues);
	for (int i = 0; all.queues && i < count; i++) {
		char name[64]; /* as long as the name of a lock may be */
		if (i <= all.count)
			snprintf(name, sizeof name, "mule %d", i);
		else
			snprintf(name, sizeof name, "farm %s", all.farms[i - all.count - 1].name);
		all.queues[i] = message_queue_open(name, (size_t)queue_size);
		if (!all.queues[i]) {
			uwsgi_cause("no shared memory for the messages of %s", name);
			return -ENOMEM;
		}
	}
	return all.queues ? 0 : -ENOMEM;
}

static int init(void)
{
	all.message_max = (size_t)message_max;
	for (size_t i = 0; i < touches.n; i++)
		if (uwsgi_touch_replaces(touches.v[i], "mule"))
			return -ENOMEM;
	if (message_max + 64 > queue_size) {
		uwsgi_cause("mule-msg-size = %lld: the queues have room for less (mule-queue-size)",
			    (long long)message_max);
		return -EINVAL;
	}
	if (!all.count && !farms.n)
		return 0;
	int failed = all.count ? mule_stats_open(all.count) : 0;
	if (!failed)
		failed = make_farms();
	if (!failed)
		failed = farm_targets(&all);
	return failed ? failed : make_queues();
}

static int count(void)
{
	return all.count;
}

#define ROW(NAME, HELP, ...)                                                                                           \
	{                                                                                                              \
		.name = NAME, .group = "mules", .flags = UWSGI_OPT_MASTER, .help = HELP, __VA_ARGS__                   \
	}

static const struct uwsgi_option options[] = {
	ROW("mule", "a process that handles signals and messages, or, with a value, runs a script or module:function",
	    .type = UWSGI_OPT_CALL, .arg = UWSGI_ARG_OPTIONAL, .apply = apply_mule),
	ROW("mules", "so many mules that handle signals and messages", .type = UWSGI_OPT_CALL, .apply = apply_mules),
	ROW("farm", "\"name:1,2\": a group of mules", .type = UWSGI_OPT_LIST, .value = &farms),
	ROW("touch-mules-reload", "replace the mules when this file is touched", .type = UWSGI_OPT_LIST,
	    .value = &touches),
	ROW("mule-harakiri", "seconds a mule may be at one message or signal before it is killed and replaced",
	    .type = UWSGI_OPT_INT, .value = &all.harakiri),
	ROW("mule-reload-mercy", "seconds a mule may take to stop (default 60)", .type = UWSGI_OPT_INT,
	    .value = &mercy),
	ROW("hook-as-mule", "action (docs/hooks.md), in each mule before anything else", .type = UWSGI_OPT_CALL,
	    .apply = uwsgi_actions_apply, .data = &all.actions),
	ROW("mule-msg-size", "largest message in bytes (default 1048576)", .type = UWSGI_OPT_INT64,
	    .value = &message_max),
	ROW("mule-msg-recv-size", "accepted: a message is received whole", .type = UWSGI_OPT_INT, .value = &(int){ 0 }),
	ROW("mule-queue-size", "room for waiting messages of each mule and farm, in MiB (default 64)",
	    .type = UWSGI_OPT_MB, .value = &queue_size),
	{ 0 },
};

static const struct uwsgi_hook hooks[] = {
	UWSGI_HOOK(UWSGI_HOOK_STATS, uwsgi_hook_stats, mule_stats),
	{ 0 },
};

static const struct uwsgi_kind kinds[] = {
	{ .name = "mule", .count = count, .run = mule_run, .mercy = &mercy },
	{ 0 },
};

struct uwsgi_plugin mule_plugin = {
	.name = "mule",
	.options = options,
	.kinds = kinds,
	.hooks = hooks,
	.api = mule_api,
	.init = init,
	.strict = 1,
};
