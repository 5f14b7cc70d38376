/* emperor_plugin.c - the Emperor, who starts a server for each file of a directory: the tables. */
#include "emperor.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Filled by the options, used by the Emperor's process: there is no handle that goes from one to the other. */
static struct emperor_options settings = {
	.freq = 3,
	.heartbeat = 30,
	.curse_tolerance = 30,
	.throttle_ms = 1000,
	.max_throttle_ms = 180000,
};
static struct source *sources;
static bool graceful_shutdown; /* always */

/* The program that runs, by the name a new version of it will have. */
static char *find_binary(void)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n <= 0)
		return NULL;
	path[n] = 0;
	if ((size_t)n > sizeof deleted - 1 && !strcmp(path + n - (sizeof deleted - 1), deleted))
		path[(size_t)n - (sizeof deleted - 1)] = 0;
	return strdup(path);
}

static int refuse(const char *text, const char *why, int error)
{
	uwsgi_cause("emperor = %s: %s", text, why);
	return -error;
}

static int check(const char *text, struct source *source_r)
{
	struct stat st;
	const char *wrong = source_parse(text, source_r);
	if (wrong)
		return refuse(text, wrong, EINVAL);
	if (!source_r->is_glob && stat(source_r->path, &st) == -1)
		return refuse(text, strerror(errno), errno);
	return source_r->is_glob || S_ISDIR(st.st_mode) ? 0 : refuse(text, "it is not a directory", ENOTDIR);
}

static int init(void)
{
	const struct uwsgi_strings *watch = &settings.watch;
	if (!watch->n)
		return 0;
	sources = calloc(watch->n, sizeof *sources);
	settings.binary = find_binary();
	if (!sources || !settings.binary)
		return refuse(watch->v[0], "memory is out", ENOMEM);
	if (settings.tyrant && (getuid() != 0 || uwsgi_option_get("uid")))
		return refuse(watch->v[0], "a tyrant must be root, and stay it: no uid", EPERM);
	if (settings.freq < 1)
		settings.freq = 1;
	if (settings.throttle_ms < 1)
		settings.throttle_ms = 1; /* or nothing would double */
	int failed = 0;
	for (size_t i = 0; i < watch->n && !failed; i++)
		failed = check(watch->v[i], &sources[i]);
	return failed;
}

static int count(void)
{
	return settings.watch.n > 0;
}

static int run(int number)
{
	(void)number;
	return emperor_run(&settings, sources, settings.watch.n);
}

#define ROW(NAME, TYPE, FIELD, HELP)                                                                                   \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_##TYPE, .value = &settings.FIELD, .group = "emperor", .help = HELP     \
	}
#define ALIAS(NAME, OF)                                                                                                \
	{                                                                                                              \
		.name = NAME, .alias_of = OF                                                                           \
	}

/* clang-format off */
static const struct uwsgi_option options[] = {
	ROW("emperor", LIST, watch, "start a server for each configuration file of this directory or pattern"),
	ROW("emperor-freq", INT, freq, "seconds between regular looks for vassals (default 3); directories are also watched"),
	ROW("emperor-extra-extension", LIST, extensions, "also take files of this suffix, in the ini format"),
	ALIAS("emperor-extra-ext", "emperor-extra-extension"),
	ROW("emperor-nofollow", BOOL, nofollow, "look at links themselves, not at their targets"),
	ROW("emperor-tyrant", BOOL, tyrant, "run each vassal as the owner of its file, and none as root"),
	ROW("emperor-tyrant-nofollow", BOOL, tyrant_nofollow, "the owner of a link counts, not that of its target"),
	ROW("emperor-tyrant-initgroups", BOOL, tyrant_initgroups, "give vassals all groups of their user"),
	ROW("emperor-pidfile", STR, pidfile, "write the pid of the Emperor here"),
	ROW("emperor-stats", STR, stats, "address where whoever connects is told of the vassals, in JSON"),
	ALIAS("emperor-stats-server", "emperor-stats"),
	ROW("emperor-procname", STR, procname, "title of the Emperor"),
	ROW("emperor-throttle", INT, throttle_ms, "milliseconds before a vassal that died young is started again; doubled each time (default 1000)"),
	ROW("emperor-max-throttle", INT, max_throttle_ms, "most milliseconds of that (default 180000)"),
	ROW("emperor-no-blacklist", BOOL, no_blacklist, "do not double it"),
	ROW("emperor-required-heartbeat", INT, heartbeat, "seconds without a heartbeat after which a vassal that sends some is stopped (default 30)"),
	ROW("emperor-curse-tolerance", INT, curse_tolerance, "seconds a vassal that does not listen may live on (default 30)"),
	{ "emperor-graceful-shutdown", .value = &graceful_shutdown, .group = "emperor", .help = "accepted: vassals always finish their requests" },
	ROW("emperor-on-demand-extension", STR, demand_extension, "file name of a vassal plus this: a file with the socket whose first connection starts it"),
	ALIAS("emperor-on-demand-ext", "emperor-on-demand-extension"),
	ROW("emperor-on-demand-directory", STR, demand_directory, "DIRECTORY/site.socket is the socket whose first connection starts site.ini"),
	ALIAS("emperor-on-demand-dir", "emperor-on-demand-directory"),
	ROW("emperor-on-demand-exec", STR, demand_exec, "command that gets the name of a vassal and prints the socket whose first connection starts it"),
	ROW("emperor-wrapper", STR, wrapper, "program to run in place of this one for vassals"),
	ROW("emperor-wrapper-override", LIST, wrapper_override, "program to try before that"),
	ROW("emperor-wrapper-fallback", LIST, wrapper_fallback, "program to try after that"),
	ROW("vassals-include", LIST, include, "file each vassal includes after its own"),
	ROW("vassals-include-before", LIST, include_before, "file each vassal includes before its own"),
	ROW("vassals-inherit", LIST, inherit, "file each vassal inherits after its own"),
	ROW("vassals-inherit-before", LIST, inherit_before, "file each vassal inherits before its own"),
	ROW("vassals-set", LIST, set, "KEY=VALUE for each vassal, as with --set"),
	ALIAS("vassal-set", "vassals-set"),
	ROW("vassals-start-hook", STR, start_hook, "command run with the name of a vassal before it starts"),
	ROW("vassals-stop-hook", STR, stop_hook, "command run with the name of a vassal after it ended"),
	{ 0 },
};
/* clang-format on */

static const struct uwsgi_kind kinds[] = {
	{ "emperor", .flags = UWSGI_KIND_FROM_MASTER | UWSGI_KIND_SINGLE, .count = count, .run = run,
	  .stop_ms = VASSAL_STOP_MS + 10000 },
	{ 0 },
};

struct uwsgi_plugin emperor_plugin = {
	.name = "emperor",
	.init = init,
	.strict = 1,
	.options = options,
	.kinds = kinds,
};
