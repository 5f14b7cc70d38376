/* address.h - the text of a socket address. */
#ifndef KERNEL_ADDRESS_H
#define KERNEL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ADDRESS_TEXT_MAX 128

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t len;
	int inherited_fd; /* fd://N: the socket is already open; else -1 */
	bool is_unix, is_abstract;
};

/* ":3031", "127.0.0.1:3031", "localhost:80", "[::1]:80", "/run/x.sock", "x.sock", "@abstract", "fd://3".  A port alone
 * ("9090") is meant when `bare_port` is set and is a path otherwise.  Quotes around the text are taken off.
 * NULL, or what is wrong with it. */
const char *address_parse(const char *text, bool bare_port, struct address *address_r);

/* "127.0.0.1:3031", "[::1]:80", "/run/x.sock", "@abstract" into text. */
void address_format(const struct address *address, char text[ADDRESS_TEXT_MAX]);

/* The host alone, and the port (0 for unix). */
void address_host(const struct sockaddr *sa, char *text, size_t size);
unsigned address_port(const struct sockaddr *sa);

#endif
