/* plugin_glue.c - the public functions that take no handle, each one line over the part that does the work.
 *
 * The pointer to the kernel is kept here and nowhere else. */
#include "plugin_glue.h"

#include "api.h"
#include "command.h"
#include "config.h"
#include "cron.h"
#include "handover.h"
#include "hook.h"
#include "kernel.h"
#include "listen.h"
#include "option.h"
#include "override.h"
#include "plugin.h"
#include "proc.h"
#include "proc_title.h"
#include "service.h"
#include "settings.h"
#include "signal_bus.h"
#include "signal_group.h"
#include "signals.h"
#include "sources.h"
#include "stats.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uwsgi/log.h>
#include <uwsgi/loop.h>
#include <uwsgi/request.h>
#include <uwsgi/shm.h>
#include <uwsgi/stats.h>

static struct kernel *kernel;

void plugin_glue_set(struct kernel *k)
{
	kernel = k;
}

/* ---- registries ---- */

const char *uwsgi_option_get(const char *name)
{
	return config_get(kernel->config, name);
}

int uwsgi_option_set(const char *name, const char *value)
{
	const struct uwsgi_option *opt = option_find(kernel->options, name);
	return opt ? option_apply(kernel->options, opt, name, value, name) : -ENOENT;
}

int uwsgi_option_number(const char *name, int64_t *value_r)
{
	const struct uwsgi_option *opt = option_find(kernel->options, name);
	return opt ? option_number(opt, value_r) : -ENOENT;
}

void uwsgi_option_each(void (*fn)(const char *key, const char *value, void *data), void *data)
{
	config_each(kernel->config, fn, data);
}

int uwsgi_hook_each(const char *name, int (*visit)(uwsgi_hook_fn *fn, void *data), void *data)
{
	return hook_each(kernel->hooks, name, visit, data);
}

const void *uwsgi_service(const char *name, size_t size)
{
	return service_get(kernel->services, name, size);
}

void uwsgi_api_each(void (*fn)(const struct uwsgi_api_fn *row, void *data), void *data)
{
	api_each(kernel->api, fn, data);
}

void uwsgi_api_each_function(void (*fn)(const struct uwsgi_function *function, void *data), void *data)
{
	api_each_function(kernel->api, fn, data);
}

void uwsgi_api_each_const(void (*fn)(const struct uwsgi_api_const *row, void *data), void *data)
{
	api_each_const(kernel->api, fn, data);
}

const struct uwsgi_function *uwsgi_api_find(const char *name)
{
	return api_find(kernel->api, name);
}

int uwsgi_api_invoke(const struct uwsgi_function *function, struct uwsgi_value *args, struct uwsgi_call *call_r)
{
	return api_call(function, args, uwsgi_request_current(), !uwsgi_server_ready(), call_r);
}

bool uwsgi_modifier_answered(uint8_t modifier1)
{
	const struct uwsgi_plugin *handlers[256] = { 0 };
	plugins_handlers(kernel->plugins, handlers);
	return handlers[modifier1] != NULL;
}

void uwsgi_worker_own(void)
{
	override_own(kernel);
}

void *uwsgi_shm_keep(const char *name, size_t size)
{
	return handover_memory(kernel ? kernel->handover : NULL, name, size);
}

int uwsgi_wake_keep(const char *name)
{
	char item[128];
	int fd;
	snprintf(item, sizeof item, "eventfd %s", name);
	if (kernel && handover_claim(kernel->handover, item, &fd, NULL))
		return fd;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd == -1)
		return -errno;
	return kernel && handover_keep(kernel->handover, item, fd, "") ? -ENOMEM : fd;
}

/* ---- sockets ---- */

int uwsgi_socket_add(const char *address, const char *protocol)
{
	return listeners_add(kernel->listeners, address, protocol);
}

struct uwsgi_socket *uwsgi_socket_gateway(const char *address, const char *protocol)
{
	return listeners_gateway(kernel->listeners, address, protocol);
}

bool uwsgi_socket_is_named(const struct uwsgi_socket *socket, const struct uwsgi_strings *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], socket->name))
			return true;
	return false;
}

void uwsgi_sockets_check(const char *option, const struct uwsgi_strings *names)
{
	const struct uwsgi_socket *const *sockets;
	size_t count = listeners_list(kernel->listeners, &sockets);
	for (size_t i = 0; i < names->n; i++) {
		bool known = false;
		for (size_t j = 0; j < count; j++)
			known |= !strcmp(sockets[j]->name, names->v[i]);
		if (!known)
			uwsgi_log("uwsgi: %s = %s: no socket of this server has that name, so it allows nothing\n",
				  option, names->v[i]);
	}
}

int uwsgi_socket_own(const char *address, unsigned mode)
{
	return listeners_own(kernel->listeners, address, mode);
}

size_t uwsgi_sockets(const struct uwsgi_socket *const **list_r)
{
	return listeners_list(kernel->listeners, list_r);
}

/* ---- signals ---- */

int uwsgi_signal_register(uint8_t number, const char *target, struct uwsgi_fn *handler)
{
	return signal_register(kernel, number, target, handler);
}

bool uwsgi_signal_registered(uint8_t number)
{
	return signal_is_registered(kernel, number);
}

int uwsgi_signal_get_free(void)
{
	return signal_get_free(kernel);
}

int uwsgi_signal_raise(uint8_t number)
{
	return signal_raise(kernel, number);
}

int uwsgi_signal_fd(void)
{
	return signal_fd(kernel);
}

int uwsgi_signal_group(const char *target, const char *also, const char *kind, const bool *members, int count)
{
	return signal_groups_add(kernel->groups, target, also, kind, members, count);
}

int uwsgi_signal_handle(void)
{
	return signal_handle(kernel);
}

int uwsgi_signal_get(uint8_t number, struct uwsgi_signal_info *info_r, size_t info_size)
{
	struct uwsgi_signal_info info;
	int failed = kernel->bus ? signal_bus_get(kernel->bus, number, &info) : -ENOENT;
	if (!failed)
		memcpy(info_r, &info, info_size < sizeof info ? info_size : sizeof info);
	return failed;
}

int uwsgi_source_add(const struct uwsgi_source *source)
{
	struct message added = {
		.kind = MESSAGE_SOURCE,
		.value = kernel->slot ? proc_place(kernel->slot) : ZYGOTE_PLACE,
		.generation = kernel->generation,
		.loader = kernel->loading || !kernel->slot ? getpid() : 0,
		.source = *source,
	};
	struct cron_spec spec;
	memcpy(spec.field, source->cron, sizeof spec.field);
	if (source->type == UWSGI_SOURCE_CRON && cron_wrong(&spec))
		return -ERANGE;
	if (!source_is_valid(source))
		return -EINVAL;
	if (kernel->control_fd == -1)
		return -ENOTCONN;
	return write(kernel->control_fd, &added, sizeof added) == -1 ? -errno : 0;
}

int uwsgi_stats_collect(struct uwsgi_value *stats)
{
	if (!kernel->stats)
		return -ENOTCONN;
	stats_collect(kernel->stats, stats);
	return 0;
}

/* ---- this process and the others ---- */

struct uwsgi_loop *uwsgi_loop(void)
{
	return kernel->loop;
}

const char *uwsgi_my_kind(void)
{
	return kernel->role;
}

int uwsgi_my_number(void)
{
	return kernel->slot ? kernel->slot->number : 0;
}

unsigned uwsgi_my_generation(void)
{
	return kernel->generation;
}

int uwsgi_proc_get(const char *kind, int number, struct uwsgi_proc_info *info_r, size_t info_size)
{
	struct uwsgi_proc_info info;
	int index = kernel->table ? proc_kind_find(kernel->table, kind) : -ENOENT;
	const struct proc_slot *slot = index < 0 ? NULL : proc_slot_find(kernel->table, index, number);
	if (!slot)
		return -ENOENT;
	proc_info(kernel->table, slot, &info);
	memcpy(info_r, &info, info_size < sizeof info ? info_size : sizeof info);
	return 0;
}

int uwsgi_proc_count(const char *kind)
{
	int index = kernel->table ? proc_kind_find(kernel->table, kind) : -ENOENT;
	return index < 0 ? 0 : proc_kind_at(kernel->table, index)->count();
}

void uwsgi_proc_exception(void)
{
	if (kernel->slot)
		atomic_fetch_add(&kernel->slot->exceptions, 1);
}

int uwsgi_touch_replaces(const char *path, const char *kind)
{
	return command_replaces(path, kind);
}

void uwsgi_process_own(void)
{
	override_own_process(kernel);
}

void uwsgi_proc_accepting(bool accepting)
{
	struct proc_slot *slot = kernel->slot;
	if (!slot || atomic_exchange(&slot->accepting, accepting) == accepting || kernel->control_fd == -1)
		return;
	struct message changed = { MESSAGE_ACCEPTING, proc_slot_index(kernel->table, slot), kernel->generation };
	(void)!write(kernel->control_fd, &changed, sizeof changed);
}

void uwsgi_proc_recycle(const char *why)
{
	if (kernel->slot && !atomic_exchange(&kernel->slot->unwanted, true))
		uwsgi_log("%s %d is to be replaced: %s\n", kernel->role, kernel->slot->number, why);
}

uint64_t uwsgi_total_requests(void)
{
	return kernel->table ? proc_total_requests(kernel->table) : 0;
}

uint64_t uwsgi_started_us(void)
{
	return kernel->started_us;
}

int uwsgi_master_pid(void)
{
	return atomic_load(&kernel->shared->master_pid);
}

/* A server without a master is its one process. */
static int signal_server(int signum)
{
	pid_t pid = uwsgi_master_pid();
	return kill(pid ? pid : getpid(), signum) == -1 ? -errno : 0;
}

int uwsgi_server_reload(void)
{
	return signal_server(SIGHUP);
}

int uwsgi_server_stop(void)
{
	/* whatever SIGTERM means, see compat */
	return signal_server(atomic_load(&kernel->shared->term_reloads) ? SIGINT : SIGTERM);
}

bool uwsgi_server_stopping(void)
{
	return atomic_load(&kernel->shared->stopping);
}

bool uwsgi_server_hurries(void)
{
	return atomic_load(&kernel->shared->hurry);
}

bool uwsgi_server_ready(void)
{
	return kernel->generation && atomic_load(&kernel->shared->loaded_generation) >= kernel->generation;
}

void uwsgi_proc_title(const char *title)
{
	proc_title_set(title);
}
