/* address.c - socket addresses from text and to text. */
#include "address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *parse_unix(const char *text, size_t len, struct address *a)
{
	bool is_abstract = text[0] == '@' || (text[0] == '\\' && text[1] == '0');
	size_t skip = text[0] == '\\' && is_abstract ? 2 : is_abstract ? 1 : 0;
	if (len - skip + 1 > sizeof a->un.sun_path)
		return "the path is longer than a unix socket's may be (107 bytes)";
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path + is_abstract, text + skip, len - skip);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len - skip + 1);
	if (is_abstract)
		a->is_abstract = true;
	a->is_unix = true;
	return NULL;
}

/* "5000", with blanks around it as old files have them; -1 when it is no port. */
static int parse_port(const char *text, size_t len)
{
	while (len && isspace((unsigned char)*text))
		text++, len--;
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	int port = 0;
	if (!len || len > 5)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -1;
		port = port * 10 + text[i] - '0';
	}
	return port > 65535 ? -1 : port;
}

static const char *resolve(const char *host, int port, struct address *a)
{
	if (!strcasecmp(host, "localhost")) /* always this machine, whether a resolver says so or not: RFC 6761, 6.3 */
		host = "127.0.0.1";
	char service[12];
	snprintf(service, sizeof service, "%d", port);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *list;
	int failed = getaddrinfo(host, service, &hints, &list);
	if (failed)
		return gai_strerror(failed);
	const struct addrinfo *best = list;
	for (const struct addrinfo *i = list; i; i = i->ai_next)
		if (i->ai_family == AF_INET) {
			best = i;
			break;
		}
	memcpy(&a->storage, best->ai_addr, best->ai_addrlen);
	a->len = best->ai_addrlen;
	freeaddrinfo(list);
	return NULL;
}

static const char *parse_inet(const char *text, size_t host_len, const char *port_text, size_t port_len,
			      struct address *a)
{
	int port = parse_port(port_text, port_len);
	if (port < 0)
		return "the port is not a number from 0 to 65535";
	struct sockaddr_in *in = (struct sockaddr_in *)&a->storage;
	if (!host_len || (host_len == 1 && *text == '*')) {
		*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
		a->len = sizeof *in;
		return NULL;
	}
	char host[256];
	if (*text == '[' && text[host_len - 1] == ']')
		text++, host_len -= 2;
	if (host_len >= sizeof host)
		return "the host name is too long";
	memcpy(host, text, host_len);
	host[host_len] = 0;
	return resolve(host, port, a);
}

const char *address_parse(const char *text, bool bare_port, struct address *address_r)
{
	*address_r = (struct address){ .inherited_fd = -1 };
	size_t len = strlen(text);
	if (len >= 2 && (*text == '"' || *text == '\'') && text[len - 1] == *text)
		text++, len -= 2;
	if (!len)
		return "it is empty";
	if (!strncmp(text, "fd://", 5)) {
		int fd = parse_port(text + 5, len - 5);
		address_r->inherited_fd = fd;
		address_r->len = sizeof address_r->storage;
		if (fd < 0 || getsockname(fd, &address_r->sa, &address_r->len) == -1)
			return "the descriptor is not an open socket";
		address_r->is_unix = address_r->sa.sa_family == AF_UNIX;
		return NULL;
	}
	const char *colon = memrchr(text, ':', len);
	if (*text == '/' || *text == '@' || *text == '.' || *text == '\\')
		return parse_unix(text, len, address_r);
	if (!colon && bare_port && parse_port(text, len) >= 0)
		return parse_inet(text, 0, text, len, address_r);
	if (!colon)
		return parse_unix(text, len, address_r);
	return parse_inet(text, (size_t)(colon - text), colon + 1, len - (size_t)(colon + 1 - text), address_r);
}

void address_host(const struct sockaddr *sa, char *text, size_t size)
{
	text[0] = 0;
	if (sa->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, text, (socklen_t)size);
	else if (sa->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr, text, (socklen_t)size);
}

unsigned address_port(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)sa)->sin_port);
	if (sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
	return 0;
}

void address_format(const struct address *address, char text[ADDRESS_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN];
	if (address->is_unix) {
		const char *path = address->un.sun_path;
		size_t left = address->len - offsetof(struct sockaddr_un, sun_path);
		if (left && !path[0])
			snprintf(text, ADDRESS_TEXT_MAX, "@%.*s", (int)left - 1, path + 1);
		else
			snprintf(text, ADDRESS_TEXT_MAX, "%.*s", (int)left, path);
		return;
	}
	address_host(&address->sa, host, sizeof host);
	snprintf(text, ADDRESS_TEXT_MAX, address->sa.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
		 address_port(&address->sa));
}
