/* spooler_remote.c - tasks that come over a socket as packets of modifier1 17.
 *
 * A task chooses what code runs, so a socket takes none unless it is named by spooler-remote; and never one whose
 * arguments are pickled, which could be any code at all.  The answer is a packet without pairs: modifier1 255,
 * modifier2 1 for a task that is queued, 0 for one that is not. */
#include "spooler.h"

#include <string.h>
#include <sys/socket.h>

static bool has(const struct uwsgi_request *req, const char *name)
{
	return uwsgi_request_var(req, name, strlen(name)).p != NULL;
}

static int enqueue(const struct uwsgi_request *req)
{
	struct uwsgi_call call = { 0 };
	struct uwsgi_value map = { 0 };
	const struct uwsgi_value *maps[] = { &map };
	int failed = 0;
	uwsgi_value_set_map(&map);
	for (unsigned i = 0; i < req->nvars && !failed; i++) {
		const struct uwsgi_var *var = &req->vars[i];
		struct uwsgi_value key = { .type = UWSGI_T_BYTES, .u.s = var->name },
				   *slot = uwsgi_value_add(&map, &key);
		failed = slot ? uwsgi_value_set_text(slot, UWSGI_T_BYTES, var->value.p, var->value.n) : -1;
	}
	if (!failed)
		failed = spooler_enqueue(&call, maps, 1);
	if (failed)
		uwsgi_log("[spooler] a task from %s: %s\n", req->socket->name,
			  call.error ? call.text : "memory is out");
	uwsgi_value_clear(&call.result);
	uwsgi_value_clear(&map);
	return failed;
}

int spooler_request(struct uwsgi_request *req)
{
	unsigned char answer[4] = { 255, 0, 0, 0 };
	if (!uwsgi_socket_is_named(req->socket, &spooler_options()->remote))
		uwsgi_log("[spooler] a task from the socket %s is refused: spooler-remote does not name it\n",
			  req->socket->name);
	else if (has(req, "ud_spool_func") && (has(req, "args") || has(req, "kwargs")))
		uwsgi_log("[spooler] a task from the socket %s is refused: its arguments are pickled\n",
			  req->socket->name);
	else if (enqueue(req) == 0)
		answer[3] = 1;
	(void)send(uwsgi_request_fd(req), answer, sizeof answer, MSG_NOSIGNAL | MSG_DONTWAIT);
	uwsgi_request_disconnect(req);
	return answer[3] ? 0 : -1;
}
