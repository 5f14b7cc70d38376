/* daemon_plugin.c - attached daemons: commands that live and end with the server: the tables. */
#include "daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Filled by the options, used by the processes: there is no handle that goes from one to the other. */
static struct daemon_spec *specs;
static size_t spec_count;
static struct daemon_state *states; /* in shared memory, one for each */
static bool honour_stdin;

static int add(const char *key, const char *value, const char *wrong, const struct daemon_spec *spec)
{
	struct daemon_spec *all = wrong ? NULL : reallocarray(specs, spec_count + 1, sizeof *specs);
	if (!all) {
		uwsgi_log("%s = %s: %s\n", key, value, wrong ? wrong : "memory is out");
		return wrong ? -EINVAL : -ENOMEM;
	}
	specs = all;
	specs[spec_count++] = *spec;
	return 0;
}

static int apply_attach(const char *key, const char *value, void *data)
{
	struct daemon_spec spec = { .command = strdup(value), .control = data };
	return add(key, value, *value ? NULL : "the command is missing", &spec);
}

static int apply_attach2(const char *key, const char *value, void *data)
{
	struct daemon_spec spec;
	(void)data;
	const char *wrong = daemon_spec_parse(value, &spec);
	return add(key, value, wrong, &spec);
}

static int apply_smart(const char *key, const char *value, void *data)
{
	struct daemon_spec spec;
	(void)data;
	const char *wrong = daemon_spec_parse_smart(value, &spec);
	return add(key, value, wrong, &spec);
}

static int init(void)
{
	for (size_t i = 0; i < spec_count; i++)
		specs[i].honour_stdin |= honour_stdin;
	states = spec_count ? uwsgi_shm_keep("daemons", spec_count * sizeof *states) : NULL;
	if (!spec_count || states)
		return 0;
	uwsgi_cause("attach-daemon: no shared memory for %zu daemons", spec_count);
	return -ENOMEM;
}

static int count(void)
{
	return (int)spec_count;
}

static int run(int number)
{
	return daemon_live(&specs[number - 1], &states[number - 1]);
}

static void add_stats(struct uwsgi_value *stats)
{
	struct uwsgi_value *list = uwsgi_add_list(stats, "daemons");
	for (size_t i = 0; i < spec_count; i++) {
		struct uwsgi_value *daemon = uwsgi_add_map(list, NULL);
		unsigned started = atomic_load(&states[i].started);
		uwsgi_add_str(daemon, "cmd", specs[i].command, strlen(specs[i].command));
		uwsgi_add_int(daemon, "pid", atomic_load(&states[i].pid));
		uwsgi_add_int(daemon, "respawns", started ? started - 1 : 0);
	}
}

static const struct uwsgi_hook hooks[] = {
	UWSGI_HOOK(UWSGI_HOOK_STATS, uwsgi_hook_stats, add_stats),
	{ 0 },
};

#define YES ((void *)1) /* as the data of a row */
#define ROW(NAME, HELP, ...)                                                                                           \
	{                                                                                                              \
		.name = NAME, .group = "daemons", .flags = UWSGI_OPT_MASTER, .help = HELP, __VA_ARGS__                 \
	}

static const struct uwsgi_option options[] = {
	ROW("attach-daemon",
	    "run this command beside the server, start it again when it ends, and end it with the server",
	    .type = UWSGI_OPT_CALL, .apply = apply_attach),
	ROW("attach-control-daemon", "as attach-daemon, and stop the server when the command ends",
	    .type = UWSGI_OPT_CALL, .apply = apply_attach, .data = YES),
	ROW("smart-attach-daemon",
	    "PIDFILE COMMAND: start a daemon that writes its pid there, unless it runs already; it "
	    "survives the server",
	    .type = UWSGI_OPT_CALL, .apply = apply_smart),
	{ "smart-attach-daemon2", .alias_of = "smart-attach-daemon" },
	ROW("attach-daemon2",
	    "key=value,...: command, pidfile, freq, control, touch, stop_signal, reload_signal, stdin, "
	    "uid, gid, ns_pid, chdir, max_throttle of a daemon",
	    .type = UWSGI_OPT_CALL, .apply = apply_attach2),
	ROW("daemons-honour-stdin", "daemons keep the standard input of the server", .value = &honour_stdin),
	{ 0 },
};

static const struct uwsgi_kind kinds[] = {
	{ "daemon", .flags = UWSGI_KIND_FROM_MASTER | UWSGI_KIND_SINGLE, .count = count, .run = run },
	{ 0 },
};

struct uwsgi_plugin daemon_plugin = {
	.name = "daemon",
	.alias = "daemons",
	.init = init,
	.strict = 1,
	.options = options,
	.kinds = kinds,
	.hooks = hooks,
};
