/* stats_client.c - who asks how the server does, each in turn of the master's loop.
 *
 * A client need not say anything.  One that speaks HTTP begins to at once, so it is given a moment to; then it gets
 * all that is known, and has until the limit to read it and to close.  Those that are too many wait in the backlog
 * until somebody has read all. */
#include "stats_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 16
#define HEAR_MS 50    /* a client that has said nothing by then speaks no HTTP */
#define LIMIT_MS 5000 /* for one client, from the answer on */
#define NO_FD_MS 1000 /* descriptors are out: the next look */

struct client {
	struct uwsgi_watch watch; /* fd -1: nobody */
	struct uwsgi_timer timer;
	char *answer; /* NULL: it is heard */
	size_t len, sent;
};

/* One socket a server: the option is one. */
static struct {
	struct uwsgi_watch watch; /* fd -1: none */
	struct uwsgi_timer again;
	bool waits; /* the socket is not watched: there are clients enough */
	const struct stats_form *form;
	struct client clients[CLIENTS_MAX];
} server = { .watch.fd = -1 };

static bool is_done(const struct client *c)
{
	return c->answer && c->sent == c->len;
}

static void watch_socket(bool on)
{
	server.waits = !on;
	if (on)
		uwsgi_loop_add(uwsgi_loop(), &server.watch, UWSGI_READ);
	else
		uwsgi_loop_remove(uwsgi_loop(), &server.watch);
}

static void part(struct client *c)
{
	uwsgi_loop_timer_stop(uwsgi_loop(), &c->timer);
	uwsgi_loop_remove(uwsgi_loop(), &c->watch);
	close(c->watch.fd);
	free(c->answer);
	*c = (struct client){ .watch.fd = -1 };
	if (server.waits)
		watch_socket(true);
}

/* ---- the answer ---- */

static void on_late(struct uwsgi_timer *timer)
{
	part(timer->data);
}

static void send_more(struct client *c)
{
	while (c->sent < c->len) {
		ssize_t n = send(c->watch.fd, c->answer + c->sent, c->len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n == -1) {
			part(c);
			return;
		}
		c->sent += (size_t)n;
	}
	/* it is closed when the client has: what it said and nobody read would take back what is on its way */
	shutdown(c->watch.fd, SHUT_WR);
	uwsgi_loop_change(uwsgi_loop(), &c->watch, UWSGI_READ);
	if (server.waits)
		watch_socket(true);
}

static char *tell(bool http, size_t *len_r)
{
	struct uwsgi_value map = { 0 };
	size_t json_len;
	uwsgi_value_set_map(&map);
	char *json = uwsgi_stats_collect(&map) ? NULL : stats_json(&map, server.form->minified, &json_len);
	char *answer = json ? stats_answer(json, json_len, http, server.form->any_page, len_r) : NULL;
	uwsgi_value_clear(&map);
	free(json);
	return answer;
}

static void answer(struct client *c, bool http)
{
	c->answer = tell(http || server.form->http, &c->len);
	if (!c->answer) {
		uwsgi_log("stats: memory is out; a client gets no answer\n");
		part(c);
		return;
	}
	c->timer.fn = on_late;
	uwsgi_loop_timer(uwsgi_loop(), &c->timer, LIMIT_MS);
	uwsgi_loop_change(uwsgi_loop(), &c->watch, UWSGI_WRITE);
	send_more(c);
}

/* ---- the question ---- */

static void on_silence(struct uwsgi_timer *timer)
{
	answer(timer->data, false);
}

static void on_client(struct uwsgi_watch *watch, unsigned events)
{
	struct client *c = watch->data;
	char said[4096];
	(void)events;
	if (c->answer && !is_done(c)) {
		send_more(c);
		return;
	}
	ssize_t n = recv(watch->fd, said, sizeof said, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (!c->answer && n >= 0) /* one that says nothing more may listen still */
		answer(c, stats_is_http(said, (size_t)n));
	else if (n <= 0)
		part(c);
}

static struct client *find_room(void)
{
	struct client *done = NULL;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (server.clients[i].watch.fd == -1)
			return &server.clients[i];
		if (is_done(&server.clients[i]))
			done = &server.clients[i];
	}
	if (done)
		part(done);
	return done;
}

static void on_again(struct uwsgi_timer *timer)
{
	(void)timer;
	if (server.waits)
		watch_socket(true);
}

static void on_connection(struct uwsgi_watch *watch, unsigned events)
{
	struct client *c = find_room();
	(void)events;
	if (!c) {
		watch_socket(false);
		return;
	}
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd == -1) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		watch_socket(false);
		uwsgi_loop_timer(uwsgi_loop(), &server.again, NO_FD_MS);
		return;
	}
	c->watch = (struct uwsgi_watch){ .fd = fd, .fn = on_client, .data = c };
	c->timer = (struct uwsgi_timer){ .fn = on_silence, .data = c };
	if (uwsgi_loop_add(uwsgi_loop(), &c->watch, UWSGI_READ)) {
		close(fd);
		c->watch.fd = -1;
		return;
	}
	uwsgi_loop_timer(uwsgi_loop(), &c->timer, HEAR_MS);
}

/* ---- its beginning ---- */

int stats_serve(int fd, const struct stats_form *form)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		server.clients[i].watch.fd = -1;
	server.form = form;
	server.again.fn = on_again;
	server.watch = (struct uwsgi_watch){ .fd = fd, .fn = on_connection };
	return uwsgi_loop_add(uwsgi_loop(), &server.watch, UWSGI_READ);
}

void stats_hurry(void)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (server.watch.fd != -1 && server.clients[i].watch.fd != -1 && !server.clients[i].answer) {
			on_client(&server.clients[i].watch, 0);
			if (server.clients[i].watch.fd != -1 && !server.clients[i].answer)
				answer(&server.clients[i], false);
		}
}

void stats_forget(void)
{
	if (server.watch.fd == -1)
		return;
	close(server.watch.fd);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (server.clients[i].watch.fd != -1)
			close(server.clients[i].watch.fd);
	server.watch.fd = -1;
}
