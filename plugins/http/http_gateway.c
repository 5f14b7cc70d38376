/* http_gateway.c - the process behind --http: accept connections and hand them to the workers.
 *
 * It hands over the connection, not its bytes, so it is out of the way as soon as a worker took it.  When the workers'
 * queue is full, connections wait here in arrival order; when that queue is full too, they wait in the kernel's
 * backlog, where clients see what they would see without a gateway. */
#include "http.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum {
	GATEWAY_SOCKETS_MAX = 64,
	WAITING_MAX = 256, /* connections held here, for each socket */
	PAUSE_MS = 100,	   /* after accept failed for want of descriptors or memory */
	DRAIN_MS = 5000,   /* how long the waiting ones are offered to the workers at the end */
};

/* One address.  Invariant: listening is true unless paused or count == WAITING_MAX; queueing is true when count > 0. */
struct gateway {
	struct uwsgi_socket *socket;
	struct uwsgi_watch listen, queue;
	struct uwsgi_timer pause;
	bool listening, queueing;
	unsigned first, count;
	int waiting[WAITING_MAX]; /* ring */
};

/* Made in init, used by the gateway's process: there is no handle that goes from one to the other. */
static struct gateway gateways[GATEWAY_SOCKETS_MAX];
static unsigned gateway_count;

int http_gateway_open(const struct uwsgi_strings *addresses)
{
	for (size_t i = 0; i < addresses->n; i++) {
		struct uwsgi_socket *socket;

		if (gateway_count == GATEWAY_SOCKETS_MAX) {
			uwsgi_cause("http gateway: %s: more than %d addresses are not supported", addresses->v[i],
				    GATEWAY_SOCKETS_MAX);
			return -EINVAL;
		}
		socket = uwsgi_socket_gateway(addresses->v[i], "http");
		if (!socket)
			return -EINVAL;
		gateways[gateway_count++].socket = socket;
	}
	return 0;
}

int http_gateway_count(void)
{
	return gateway_count > 0;
}

/* ---- the two watches ---- */

static void set_listening(struct gateway *g, bool on)
{
	if (on == g->listening)
		return;
	if (!on)
		uwsgi_loop_remove(uwsgi_loop(), &g->listen);
	else if (uwsgi_loop_add(uwsgi_loop(), &g->listen, UWSGI_READ) < 0)
		return; /* no memory: the next pause or hand-over tries again */
	g->listening = on;
}

static void set_queueing(struct gateway *g, bool on)
{
	if (on == g->queueing)
		return;
	if (!on)
		uwsgi_loop_remove(uwsgi_loop(), &g->queue);
	else if (uwsgi_loop_add(uwsgi_loop(), &g->queue, UWSGI_WRITE) < 0)
		return;
	g->queueing = on;
}

/* ---- connections ---- */

static void hold(struct gateway *g, int fd)
{
	g->waiting[(g->first + g->count) % WAITING_MAX] = fd;
	g->count++;
}

/* Offer the waiting connections until the workers' queue is full. */
static void pass_waiting(struct gateway *g)
{
	while (g->count > 0) {
		int fd = g->waiting[g->first];
		int rc = uwsgi_socket_pass(g->socket, fd);

		if (rc == -EAGAIN)
			return;
		if (rc < 0) {
			uwsgi_log("http gateway: handing a connection of %s to a worker: %s, closing it\n",
				  g->socket->name, strerror(-rc));
			close(fd);
		}
		g->first = (g->first + 1) % WAITING_MAX;
		g->count--;
	}
}

static void resume(struct uwsgi_timer *timer)
{
	struct gateway *g = timer->data;

	set_listening(g, g->count < WAITING_MAX);
	if (!g->listening && g->count < WAITING_MAX)
		uwsgi_loop_timer(uwsgi_loop(), &g->pause, PAUSE_MS);
}

static void accept_failed(struct gateway *g, int error)
{
	if (error == EAGAIN || error == ECONNABORTED || error == EINTR)
		return;
	uwsgi_log("http gateway: accepting a connection on %s: %s, trying again in %d ms\n", g->socket->name,
		  strerror(error), PAUSE_MS);
	set_listening(g, false);
	uwsgi_loop_timer(uwsgi_loop(), &g->pause, PAUSE_MS);
}

static void on_connection(struct uwsgi_watch *watch, unsigned events)
{
	struct gateway *g = watch->data;

	(void)events;
	while (g->count < WAITING_MAX) {
		int fd = uwsgi_socket_accept(g->socket);

		if (fd < 0) {
			accept_failed(g, -fd);
			break;
		}
		hold(g, fd);
		pass_waiting(g);
	}
	set_queueing(g, g->count > 0);
	if (g->count == WAITING_MAX)
		set_listening(g, false);
}

static void on_queue_room(struct uwsgi_watch *watch, unsigned events)
{
	struct gateway *g = watch->data;

	(void)events;
	pass_waiting(g);
	set_queueing(g, g->count > 0);
	if (g->count < WAITING_MAX && g->pause.slot == 0)
		set_listening(g, true);
}

/* ---- its life ---- */

/* The server is ending: give what waits here to the workers, which finish what they get. */
static void drain(struct gateway *g)
{
	uint64_t deadline = uwsgi_now_ms() + DRAIN_MS;
	struct pollfd room = { .fd = uwsgi_socket_queue_fd(g->socket), .events = POLLOUT };

	set_listening(g, false);
	set_queueing(g, false);
	for (pass_waiting(g); g->count > 0 && uwsgi_now_ms() < deadline; pass_waiting(g))
		(void)poll(&room, 1, (int)(deadline - uwsgi_now_ms()));
	if (g->count > 0)
		uwsgi_log("http gateway: %u connections of %s found no worker in %d ms, closing them\n", g->count,
			  g->socket->name, DRAIN_MS);
	for (; g->count > 0; g->count--, g->first = (g->first + 1) % WAITING_MAX)
		close(g->waiting[g->first]);
}

int http_gateway_run(int number)
{
	(void)number;
	for (unsigned i = 0; i < gateway_count; i++) {
		struct gateway *g = &gateways[i];

		g->listen = (struct uwsgi_watch){ uwsgi_socket_gateway_fd(g->socket), on_connection, g };
		g->queue = (struct uwsgi_watch){ uwsgi_socket_queue_fd(g->socket), on_queue_room, g };
		g->pause = (struct uwsgi_timer){ .fn = resume, .data = g };
		set_listening(g, true);
		if (!g->listening) {
			uwsgi_log("http gateway: watching %s: out of memory, ending\n", g->socket->name);
			return 1;
		}
	}
	uwsgi_loop_run(uwsgi_loop());
	for (unsigned i = 0; i < gateway_count; i++)
		drain(&gateways[i]);
	return 0;
}
