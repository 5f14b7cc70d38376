/* spooler_plugin.c - tasks that survive, in a directory, and processes that run them: the tables. */
#include "spooler.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_dir.h"
#include "spool_figures.h"
#include "spool_policy.h"
#include "spool_spare.h"
#include "spool_sync.h"

#define DEFAULT_FREQUENCY 30

/* Filled by the options, used by the functions of the tables: there is no handle that goes from one to the other. */
static struct spooler_options settings = {
	.frequency = DEFAULT_FREQUENCY, .max_attempts = 10, .max_size = 256 << 20, .sync = true
};

const struct spooler_options *spooler_options(void)
{
	return &settings;
}

int spooler_frequency(void)
{
	int set = settings.frequency_set ? atomic_load(settings.frequency_set) : 0;
	return set ? set : settings.frequency;
}

int spooler_pause(void)
{
	int seconds = spooler_frequency();
	return seconds > 0 ? seconds : settings.frequency > 0 ? settings.frequency : DEFAULT_FREQUENCY;
}

const struct spooler *spooler_of(int *number)
{
	const struct spooler *spooler = settings.list;
	for (; *number > spooler->processes; spooler++)
		*number -= spooler->processes;
	return spooler;
}

/* ---- configuration ---- */

/* A relative path counts from where the server was started. */
static char *absolute(const char *path)
{
	char here[PATH_MAX], *text = NULL;
	if (*path == '/')
		return strdup(path);
	if (!getcwd(here, sizeof here) || asprintf(&text, "%s/%s", here, path) == -1)
		return NULL;
	return text;
}

static int add(const char *key, const char *value, bool external)
{
	struct spooler *all = reallocarray(settings.list, settings.count + 1, sizeof *all);
	char *path = *value ? absolute(value) : NULL;
	if (all)
		settings.list = all;
	if (!all || !path) {
		uwsgi_log("%s = %s: %s\n", key, value, *value ? strerror(errno) : "give a directory");
		return -EINVAL;
	}
	all[settings.count++] =
		(struct spooler){ .path = path, .processes = external ? 0 : settings.processes, .external = external };
	return 0;
}

static int apply_spooler(const char *key, const char *value, void *data)
{
	(void)data;
	return add(key, value, false);
}

static int apply_external(const char *key, const char *value, void *data)
{
	(void)data;
	return add(key, value, true);
}

/* What is made here belongs to who the server will be. */
static void future_owner(uid_t *uid_r, gid_t *gid_r)
{
	const char *uid = uwsgi_option_get("uid"), *gid = uwsgi_option_get("gid");
	const struct passwd *user = uid ? getpwnam(uid) : NULL;
	const struct group *group = gid ? getgrnam(gid) : NULL;
	*uid_r = user ? user->pw_uid : uid ? (uid_t)atol(uid) : (uid_t)-1;
	*gid_r = group ? group->gr_gid : gid ? (gid_t)atol(gid) : (gid_t)-1;
	if (geteuid() != 0)
		*uid_r = (uid_t)-1;
}

static int prepare(struct spooler *spooler)
{
	char real[PATH_MAX];
	struct stat st;
	uid_t uid;
	gid_t gid;
	future_owner(&uid, &gid);
	int failed = spool_dir_make(spooler->path, uid, gid);
	if (!failed && (!realpath(spooler->path, real) || access(real, W_OK | X_OK) == -1 || stat(real, &st) == -1))
		failed = -errno;
	char *path = failed ? NULL : strdup(real);
	if (!path) {
		uwsgi_cause("spooler %s: cannot write to the directory: %s", spooler->path,
			    strerror(failed ? -failed : ENOMEM));
		return failed ? failed : -ENOMEM;
	}
	if (st.st_mode & S_IWOTH)
		uwsgi_log("*** WARNING: the spooler directory %s is writable for everybody: whoever can write there "
			  "can have tasks run ***\n",
			  path);
	spooler->path = path;
	spooler->sync = spool_sync_create(path);
	spooler->spares = spool_spares_create(path, settings.sync ? spooler->sync : NULL);
	spooler->figures = spool_figures_create(path, spooler->processes);
	if (spooler->sync && spooler->spares && spooler->figures)
		return 0;
	uwsgi_cause("spooler %s: no shared memory", path);
	return -ENOMEM;
}

static int init(void)
{
	for (size_t i = 0; i < settings.touches.n; i++)
		if (uwsgi_touch_replaces(settings.touches.v[i], "spooler"))
			return -ENOMEM;
	if (!settings.count)
		return 0;
	if (!settings.frequency)
		settings.frequency = DEFAULT_FREQUENCY;
	if (settings.cheap)
		uwsgi_log("spooler-cheap: nothing to do, a spooler without tasks sleeps and its process is kept\n");
	settings.frequency_set = uwsgi_shm_keep("spooler frequency", sizeof *settings.frequency_set);
	if (!settings.frequency_set) {
		uwsgi_cause("spooler: no shared memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < settings.count; i++) {
		struct spooler *spooler = &settings.list[i];
		if (!spooler->external && !spooler->processes) /* spooler-processes came later, or not at all */
			spooler->processes = settings.processes > 0 ? settings.processes : 1;
		int failed = prepare(spooler);
		if (failed)
			return failed;
	}
	return 0;
}

static int count(void)
{
	int processes = 0;
	for (size_t i = 0; i < settings.count; i++)
		processes += settings.list[i].processes;
	return processes;
}

#define GIVEN(NAME) .value = &settings.NAME, .group = "spooler"
#define COMMAND .type = UWSGI_OPT_CALL, .flags = UWSGI_OPT_IMMEDIATE, .group = "spooler"

/* clang-format off */
static const struct uwsgi_option options[] = {
	{ "spooler", 'Q', UWSGI_OPT_CALL, .flags = UWSGI_OPT_MASTER, .apply = apply_spooler, .group = "spooler", .help = "run the tasks of this directory, made when it is missing" },
	{ "spooler-external", .type = UWSGI_OPT_CALL, .flags = UWSGI_OPT_MASTER, .apply = apply_external, .group = "spooler", .help = "let tasks be queued in this directory, for another server to run" },
	{ "spooler-processes", .type = UWSGI_OPT_INT, GIVEN(processes), .help = "processes of each spooler that follows (default 1)" },
	{ "spooler-frequency", .type = UWSGI_OPT_SINT, GIVEN(frequency), .help = "seconds between looks at the whole directory, and until a task is run again (default 30); negative: look at the start only" },
	{ "spooler-freq", .alias_of = "spooler-frequency" },
	{ "spooler-ordered", .type = UWSGI_OPT_BOOL, GIVEN(ordered), .help = "run tasks in the order of their names" },
	{ "spooler-max-tasks", .type = UWSGI_OPT_INT, GIVEN(max_tasks), .help = "replace a spooler process after that many tasks" },
	{ "spooler-chdir", .type = UWSGI_OPT_STR, GIVEN(chdir), .help = "run tasks in this directory, in place of the spooler's own" },
	{ "spooler-quiet", .type = UWSGI_OPT_BOOL, GIVEN(quiet), .help = "no lines about tasks that succeed" },
	{ "spooler-cheap", .type = UWSGI_OPT_BOOL, GIVEN(cheap), .help = "accepted: a spooler without tasks sleeps, its process is kept" },
	{ "spooler-harakiri", .type = UWSGI_OPT_INT, GIVEN(harakiri), .help = "seconds a task may take before its process is ended and the task is run again" },
	{ "spooler-max-attempts", .type = UWSGI_OPT_INT, GIVEN(max_attempts), .help = "failures after which a task is moved to DIR/dead, 0: it never is (default 10)" },
	{ "spooler-max-size", .type = UWSGI_OPT_INT64, GIVEN(max_size), .help = "largest task in bytes, 0: no limit (default 268435456)" },
	{ "spooler-sync", .type = UWSGI_OPT_BOOL, .arg = UWSGI_ARG_OPTIONAL, GIVEN(sync), .help = "a task is on the disk when spool() returns (default true)" },
	{ "touch-spoolers-reload", .type = UWSGI_OPT_LIST, .flags = UWSGI_OPT_MASTER, GIVEN(touches), .help = "replace the spoolers' processes when this file is touched, each after its task" },
	{ "spooler-remote", .type = UWSGI_OPT_LIST, GIVEN(remote), .help = "let tasks be queued through this socket of the server, named as in its log" },
	{ "spool-list", COMMAND, .apply = spooler_command_list, .help = "print the tasks of a directory, and exit" },
	{ "spool-retry", COMMAND, .apply = spooler_command_retry, .help = "have the dead tasks of a directory run again, and exit" },
	{ "spool-purge", COMMAND, .apply = spooler_command_purge, .help = "remove the dead tasks of a directory, and exit" },
	{ 0 },
};
/* clang-format on */

static const struct uwsgi_kind kinds[] = {
	{ "spooler", .count = count, .run = spooler_run },
	{ 0 },
};

/* clang-format off */
static const struct uwsgi_api_fn api[] = {
	{ "spool", "(message_dict: any = None, *ignored: any, **keys: any) -> bytes", "Queue a task of the keys and values of the dict and the keywords, texts or numbers, and return the path of its file. Keys with a meaning: spooler (its directory, or its number from 1), priority (the lowest number runs first), at (seconds of the epoch before which it does not run), body (bytes of any size; the rest has at most 64k).", spooler_api_spool, UWSGI_FN_BLOCKS },
	{ "send_to_spooler", "(message_dict: any = None, *ignored: any, **keys: any) -> bytes", "The same as spool.", spooler_api_spool, UWSGI_FN_BLOCKS },
	{ "set_spooler_frequency", "(seconds: int) -> bool", "Let all spoolers look at their directories every so many seconds from their next look on; 0: as configured, negative: never.", spooler_api_set_frequency, 0 },
	{ "spoolers", "() -> list", "The directory of each spooler process, and of each external spooler.", spooler_api_spoolers, UWSGI_FN_VALUE | UWSGI_FN_TUPLE },
	{ "spooler_stats", "() -> list", "One map for each spooler: dir, external, pids, running (processes with a task in hand), waiting (files of other tasks), dead (files), runs (of tasks by the program, since the start), done and failed of these, last and next (seconds of the epoch when a task began, and when one is looked at again; 0: none).", spooler_api_stats, UWSGI_FN_BLOCKS | UWSGI_FN_TUPLE },
	{ "spooler_jobs", "(*ignored: any) -> list", "Paths of the tasks of all spoolers, running ones included.", spooler_api_jobs, UWSGI_FN_BLOCKS },
	{ "spooler_pid", "(*ignored: any) -> int", "Process id of the first spooler, 0 when it is external or has not started.", spooler_api_pid, 0 },
	{ "spooler_pids", "(*ignored: any) -> list", "Process ids of all spoolers, 0 for each that is external.", spooler_api_pids, 0 },
	{ "spooler_get_task", "(path: text) -> map | None", "The task in a file as its handler gets it, None when there is none or somebody works on it.", spooler_api_get_task, UWSGI_FN_BLOCKS },
	{ "i_am_the_spooler", "(*ignored: any) -> bool | None", "True in a spooler, else None.", spooler_api_i_am_the_spooler, 0 },
	{ 0 },
};

static const struct uwsgi_api_const consts[] = {
	{ "SPOOL_OK", SPOOL_OK, NULL, "Answer of a task that is done." },
	{ "SPOOL_RETRY", SPOOL_RETRY, NULL, "Answer of a task that is to be run again." },
	{ "SPOOL_IGNORE", SPOOL_IGNORE, NULL, "Answer of a handler whose task this is not." },
	{ 0 },
};
/* clang-format on */

static void check_remote(void)
{
	uwsgi_sockets_check("spooler-remote", &settings.remote);
}

static const struct uwsgi_hook hooks[] = {
	UWSGI_HOOK(UWSGI_HOOK_MASTER_START, uwsgi_hook_master, check_remote),
	UWSGI_HOOK(UWSGI_HOOK_STATS, uwsgi_hook_stats, spooler_stats),
	{ 0 },
};

struct uwsgi_plugin spooler_plugin = {
	.name = "spooler",
	.modifier1 = 17,
	.init = init,
	.strict = 1,
	.options = options,
	.hooks = hooks,
	.kinds = kinds,
	.api = api,
	.api_consts = consts,
	.request = spooler_request,
};
