/* http_plugin.c - HTTP in the workers (--http-socket) and the gateway in front of them (--http): the tables. */
#include "http.h"

#include <stdlib.h>

static struct uwsgi_strings gateway_addresses; /* where the option's row puts them */

static int apply_http_socket(const char *key, const char *value, void *data)
{
	(void)key;
	(void)data;
	return uwsgi_socket_add(value, "http");
}

/* "1" and words only turn on what is on anyway; a larger number is how long an idle connection is kept. */
static int apply_keepalive(const char *key, const char *value, void *data)
{
	(void)key;
	(void)data;
	return strtol(value, NULL, 10) > 1 ? uwsgi_option_set("keep-alive", value) : 0;
}

/* The limits of clients are the kernel's, whatever they speak. */
static int apply_timeout(const char *key, const char *value, void *data)
{
	(void)key;
	return uwsgi_option_set(data, value);
}

static int init(void)
{
	return http_gateway_open(&gateway_addresses);
}

static const struct uwsgi_option options[] = {
	{ "http-socket", .type = UWSGI_OPT_CALL, .apply = apply_http_socket, .group = "http",
	  .help = "speak HTTP to clients in the workers, on this address" },
	{ "http11-socket", .type = UWSGI_OPT_CALL, .apply = apply_http_socket, .group = "http",
	  .help = "same as http-socket, which keeps connections alive too" },
	{ "http", .type = UWSGI_OPT_LIST, .value = &gateway_addresses, .group = "http",
	  .help = "accept HTTP connections on this address in a process of its own, which hands them to the workers" },
	{ "http-keepalive", .type = UWSGI_OPT_CALL, .arg = UWSGI_ARG_OPTIONAL, .apply = apply_keepalive,
	  .group = "http",
	  .help = "keep idle connections open that many seconds (same as keep-alive; connections are kept in any "
		  "case)" },
	{ "http-timeout", .type = UWSGI_OPT_CALL, .apply = apply_timeout, .data = "socket-timeout", .group = "http",
	  .help = "seconds a client may stall (same as socket-timeout)" },
	{ "http-headers-timeout", .type = UWSGI_OPT_CALL, .apply = apply_timeout, .data = "head-timeout",
	  .group = "http", .help = "seconds a client has for the head of a request (same as head-timeout)" },
	{ "httprouter", .alias_of = "http" },
	{ 0 },
};

static const struct uwsgi_protocol protocols[] = {
	{ "http", .flags = UWSGI_PROTO_KEEPALIVE, .parse = http_parse, .decode = http_chunk_decode },
	{ 0 },
};

static const struct uwsgi_kind kinds[] = {
	{ "http", .flags = UWSGI_KIND_FROM_MASTER, .count = http_gateway_count, .run = http_gateway_run },
	{ 0 },
};

struct uwsgi_plugin http_plugin = {
	.name = "http",
	.init = init,
	.strict = 1,
	.options = options,
	.protocols = protocols,
	.kinds = kinds,
};
