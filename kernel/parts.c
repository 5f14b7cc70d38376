/* parts.c - see parts.h. */
#include "parts.h"

#include "accepted.h"
#include "api.h"
#include "api_lock.h"
#include "api_option.h"
#include "api_server.h"
#include "cause.h"
#include "command.h"
#include "config.h"
#include "control.h"
#include "cron_command.h"
#include "flock.h"
#include "handover.h"
#include "harakiri.h"
#include "hook.h"
#include "jail.h"
#include "limit.h"
#include "listen.h"
#include "log_target.h"
#include "option.h"
#include "override.h"
#include "patience.h"
#include "phase.h"
#include "plugin.h"
#include "plugin_build.h"
#include "privs.h"
#include "recycle.h"
#include "scale.h"
#include "service.h"
#include "settings.h"
#include "signal_group.h"
#include "source_option.h"
#include "vassal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/proc.h>
#include <uwsgi/shm.h>

/* The one kind of the kernel itself; its count is a setting, and a count function has no argument to find it by. */
static const struct settings *worker_settings;

static int worker_count(void)
{
	return worker_settings->no_server ? 0 : worker_settings->processes;
}

const struct uwsgi_kind worker_kind = { .name = "worker", .flags = UWSGI_KIND_SERVES, .count = worker_count };

/* ---- what the configuration asks of the plugins ---- */

static int host_load(void *ctx, const char *list, bool required)
{
	return plugins_load(((struct kernel *)ctx)->plugins, list, required);
}

static bool host_autoload(void *ctx, const char *what, const char *name)
{
	return plugins_autoload(((struct kernel *)ctx)->plugins, what, name);
}

static const struct uwsgi_config_format *host_format(void *ctx, const char *name)
{
	return plugins_format(((struct kernel *)ctx)->plugins, name);
}

static void host_load_all(void *ctx)
{
	plugins_load_all(((struct kernel *)ctx)->plugins);
}

static const struct uwsgi_config_format *host_format_at(void *ctx, size_t i)
{
	return plugins_format_at(((struct kernel *)ctx)->plugins, i);
}

static bool host_has(void *ctx, const char *name)
{
	return plugins_has(((struct kernel *)ctx)->plugins, name);
}

static const char *host_upstream(void *ctx)
{
	return plugins_data_file(((struct kernel *)ctx)->plugins, "upstream.options");
}

static int host_finish(void *ctx)
{
	const struct kernel *k = ctx;
	int failed = settings_finish(k->settings);
	if (!failed)
		failed = recycle_finish(k->recycle);
	return failed ? failed : scale_check(k->settings->processes);
}

/* "/path/to/build" of "/path/to/build/uwsgi". */
static const char *exe_dir(void)
{
	static char path[PATH_MAX]; /* handed to options as their data: as long as the process */
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	path[n > 0 ? n : 0] = 0;
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
	return path;
}

/* Plugins beside the program are a build tree's. */
static const char *build_plugins(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;
	snprintf(path, sizeof path, "%s/plugins", dir);
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? strdup(path) : NULL;
}

static int no_memory(const char *what)
{
	uwsgi_cause("cannot make %s: %s", what, strerror(ENOMEM));
	return -ENOMEM;
}

/* What others register in, and what outlives this image. */
static int make_registries(struct kernel *k, const char *dir)
{
	k->settings = uwsgi_shm_alloc(sizeof *k->settings); /* shared: some may be changed while we run */
	k->options = option_registry_create();
	k->hooks = hook_registry_create();
	k->services = service_registry_create();
	k->api = api_registry_create();
	k->groups = signal_groups_create();
	k->shared = handover_memory(k->handover, SERVER_MEMORY, sizeof *k->shared);
	k->plugins = plugins_create(k, build_plugins(dir));
	k->vassal = vassal_create(k->handover);
	if (!k->settings || !k->options || !k->hooks || !k->services || !k->api || !k->groups || !k->shared ||
	    !k->plugins || !k->vassal)
		return no_memory("the parts of the server");
	worker_settings = k->settings;
	k->listeners = listeners_create(k->settings, k->handover);
	if (!k->listeners)
		return no_memory("the list of sockets");
	listeners_inherit(k->listeners);
	return 0;
}

/* Those with settings of their own. */
static int make_settings(struct kernel *k)
{
	k->log_target = log_target_create(k->options);
	k->harakiri = harakiri_register(k->options);
	k->recycle = recycle_register(k->options);
	k->patience = patience_register(k->options);
	k->limits = limit_register(k->options);
	k->jail = jail_register(k->options);
	k->privs = privs_register(k->options);
	k->phases = phases_register(k->options);
	if (!k->log_target || !k->harakiri || !k->recycle || !k->patience || !k->limits || !k->jail || !k->privs ||
	    !k->phases)
		return no_memory("the options");
	return settings_register(k->settings, k->options);
}

static int register_rest(struct kernel *k, const char *dir)
{
	static int (*const registers[])(struct option_registry * options) = {
		command_register,  scale_register,   cron_command_register, source_option_register,
		api_lock_register, control_register, flock_register,	    accepted_register,
	};
	int failed = override_register(k);
	if (!failed)
		failed = plugin_build_register(k->options, dir);
	if (!failed)
		failed = vassal_register(k->vassal, k->options);
	for (size_t i = 0; i < sizeof registers / sizeof *registers && !failed; i++)
		failed = registers[i](k->options);
	if (!failed)
		failed = api_server_register(k->api);
	return failed ? failed : api_option_register(k);
}

static int make_config(struct kernel *k)
{
	const struct config_host host = {
		.options = k->options,
		.ctx = k,
		.version = UWSGI_VERSION,
		.load_plugins = host_load,
		.autoload = host_autoload,
		.format = host_format,
		.load_all = host_load_all,
		.format_at = host_format_at,
		.has_plugin = host_has,
		.upstream_options = host_upstream,
		.finish = host_finish,
	};
	k->config = config_create(&host);
	return k->config ? 0 : no_memory("the configuration");
}

int parts_make(struct kernel *k)
{
	const char *dir = exe_dir();
	int failed = make_registries(k, dir);
	if (!failed)
		failed = make_settings(k);
	if (!failed)
		failed = register_rest(k, dir);
	return failed ? failed : make_config(k);
}
