/* remote_signal_plugin.c - signals from outside: packets of modifier1 110, and the command that sends one.
 *
 * A signal runs a handler of the application, so a socket takes none unless signal-remote names it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uwsgi.h>
#include <uwsgi/signal.h>

#define COMMAND_MS 4000

static struct uwsgi_strings remote;

/* ---- the receiving side ---- */

static int refuse(const struct uwsgi_request *req, const char *why)
{
	uwsgi_log("[uwsgi-signal] signal %d from the socket %s is refused: %s\n", req->modifier2, req->socket->name,
		  why);
	return -1;
}

static int raise_for(const struct uwsgi_request *req)
{
	if (!uwsgi_socket_is_named(req->socket, &remote))
		return refuse(req, "signal-remote does not name it");
	int failed = uwsgi_signal_raise(req->modifier2);
	if (!failed)
		return 0;
	return refuse(req, failed == -ENOENT	 ? "it is not registered, or nobody of its target is there"
			   : failed == -EAGAIN	 ? "the queue of its target is full"
			   : failed == -ENOTCONN ? "there is no master"
						 : strerror(-failed));
}

static int request(struct uwsgi_request *req)
{
	int failed = raise_for(req);
	const unsigned char answer[4] = { 255, 0, 0, !failed };
	(void)send(uwsgi_request_fd(req), answer, sizeof answer, MSG_NOSIGNAL | MSG_DONTWAIT);
	uwsgi_request_disconnect(req);
	return failed;
}

/* ---- the command ---- */

/* "ADDRESS,N" or "ADDRESS N": the number is behind the last of either.  -1: there is none. */
static int split(char *text)
{
	char *at = strrchr(text, ','), *blank = strrchr(text, ' '), *end;
	if (!at || (blank && blank > at))
		at = blank;
	if (!at || !at[1])
		return -1;
	long number = strtol(at + 1, &end, 10);
	while (at > text && (at[-1] == ' ' || at[-1] == ','))
		at--;
	*at = '\0';
	return *end || number < 0 || number >= UWSGI_SIGNALS ? -1 : (int)number;
}

static int command(const char *key, const char *value, void *data)
{
	(void)data;
	char *address = strdup(value);
	int number = address ? split(address) : -1;
	if (number < 0) {
		fprintf(stderr, "uwsgi: --%s %s: give the address of a socket, a comma and a number from 0 to %d\n",
			key, value, UWSGI_SIGNALS - 1);
		exit(1);
	}
	int failed = uwsgi_signal_send(address, (uint8_t)number, COMMAND_MS);
	if (!failed)
		exit(0);
	fprintf(stderr, "uwsgi: signal %d did not reach %s: %s\n", number, address,
		failed == -EACCES   ? "the server refuses it, its log says why"
		: failed == -EPROTO ? "it does not answer to signals (is the plugin remote_signal loaded there?)"
		: failed == -EINVAL ? "that is no address"
				    : strerror(-failed));
	exit(1);
}

static void check_remote(void)
{
	uwsgi_sockets_check("signal-remote", &remote);
}

static const struct uwsgi_hook hooks[] = {
	UWSGI_HOOK(UWSGI_HOOK_MASTER_START, uwsgi_hook_master, check_remote),
	{ 0 },
};

/* clang-format off */
static const struct uwsgi_option options[] = {
	{ "signal", .type = UWSGI_OPT_CALL, .flags = UWSGI_OPT_IMMEDIATE, .apply = command, .group = "signals", .help = "\"ADDRESS,N\": raise signal N in the server that listens on this address, and exit" },
	{ "signal-remote", .type = UWSGI_OPT_LIST, .value = &remote, .group = "signals", .help = "let signals be raised through this socket of the server, named as in its log" },
	{ 0 },
};
/* clang-format on */

struct uwsgi_plugin remote_signal_plugin = {
	.name = "remote_signal",
	.alias = "signal",
	.modifier1 = UWSGI_SIGNAL_MODIFIER,
	.options = options,
	.hooks = hooks,
	.request = request,
};
