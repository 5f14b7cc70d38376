/* stats.c - see stats.h: the kernel's sections, with the names uWSGI 2.0 has for what it had, then the listeners'.
 *
 * What is not known is left out: a zero would be a statement. */
#include "stats.h"

#include "api_server.h"
#include "crew.h"
#include "hook.h"
#include "listen.h"
#include "settings.h"
#include "signal_bus.h"

#include <limits.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uwsgi/api.h>
#include <uwsgi/stats.h>

struct stats {
	struct crew *crew;
};

/* What a number of the map is about. */
struct view {
	const struct stats *stats;
	struct kernel *k;
	struct generation *g; /* the one that serves; NULL: none does */
	struct uwsgi_value *map;
};

static void add_text(struct uwsgi_value *to, const char *key, const char *text)
{
	uwsgi_add_str(to, key, text, strlen(text));
}

/* ---- sockets ---- */

struct queue {
	bool known; /* unix sockets do not tell */
	uint32_t waiting, room, lost;
};

static struct queue queue_of(const struct uwsgi_socket *socket)
{
	struct tcp_info info = { 0 };
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof info, memory_size = sizeof memory;
	if (socket->is_unix || socket->handover || getsockopt(socket->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == -1)
		return (struct queue){ 0 };
	(void)getsockopt(socket->fd, SOL_SOCKET, SO_MEMINFO, memory, &memory_size);
	/* of a listening socket: connections nobody accepted, how many fit, and how many did not */
	return (struct queue){ true, info.tcpi_unacked, info.tcpi_sacked, memory[SK_MEMINFO_DROPS] };
}

static struct queue queue_of_all(const struct view *v)
{
	const struct uwsgi_socket *const *sockets;
	size_t count = listeners_list(v->k->listeners, &sockets);
	struct queue sum = { 0 };
	for (size_t i = 0; i < count; i++) {
		struct queue queue = queue_of(sockets[i]);
		sum.waiting += queue.waiting;
		sum.lost += queue.lost;
	}
	return sum;
}

static void add_sockets(const struct view *v)
{
	const struct uwsgi_socket *const *sockets;
	size_t count = listeners_list(v->k->listeners, &sockets);
	struct uwsgi_value *list = uwsgi_add_list(v->map, "sockets");
	for (size_t i = 0; i < count; i++) {
		struct uwsgi_value *socket = uwsgi_add_map(list, NULL);
		struct queue queue = queue_of(sockets[i]);
		add_text(socket, "name", sockets[i]->name);
		add_text(socket, "proto", sockets[i]->protocol);
		if (!queue.known)
			continue;
		uwsgi_add_int(socket, "queue", queue.waiting);
		uwsgi_add_int(socket, "max_queue", queue.room);
	}
}

/* ---- the server ---- */

static void add_server(const struct view *v)
{
	char cwd[PATH_MAX];
	struct queue queue = queue_of_all(v);
	add_text(v->map, "version", UWSGI_VERSION);
	uwsgi_add_int(v->map, "listen_queue", queue.waiting);
	uwsgi_add_int(v->map, "listen_queue_errors", queue.lost);
	uwsgi_add_int(v->map, "signal_queue", v->g ? signal_bus_waiting(v->g->bus, -1) : 0);
	uwsgi_add_int(v->map, "load", queue.waiting);
	uwsgi_add_int(v->map, "pid", getpid());
	uwsgi_add_int(v->map, "uid", getuid());
	uwsgi_add_int(v->map, "gid", getgid());
	add_text(v->map, "cwd", getcwd(cwd, sizeof cwd) ? cwd : "");
	if (v->g)
		uwsgi_add_int(v->map, "generation", v->g->number);
}

/* ---- all of it ---- */

struct stats *stats_create(struct crew *crew)
{
	struct stats *stats = calloc(1, sizeof *stats);
	if (stats)
		stats->crew = crew;
	return stats;
}

static int visit(uwsgi_hook_fn *fn, void *data)
{
	((uwsgi_hook_stats *)fn)(data);
	return 0;
}

void stats_collect(const struct stats *stats, struct uwsgi_value *map)
{
	struct kernel *k = stats->crew->k;
	const struct view v = { stats, k, crew_serving(stats->crew), map };
	add_server(&v);
	add_sockets(&v);
	hook_each(k->hooks, UWSGI_HOOK_STATS, visit, map);
}
