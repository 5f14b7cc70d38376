/* Addresses: every spelling that configurations have, and a reason for every other one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "address.h"

/* As many bytes of a path as fit in a unix socket's address, and one more. */
#define P10 "/234567890"
#define P100 P10 P10 P10 P10 P10 P10 P10 P10 P10 P10
#define P107 P100 "/234567"
#define P108 P107 "8"

static const char *formatted(const char *text, bool bare_port, const char **why_r)
{
	static char out[ADDRESS_TEXT_MAX];
	struct address a;
	*why_r = address_parse(text, bare_port, &a);
	if (*why_r)
		return NULL;
	address_format(&a, out);
	return out;
}

Test(address, reads_every_spelling)
{
	static const struct {
		const char *text;
		bool bare_port;
		const char *out;
	} rows[] = {
		{ ":9090", false, "0.0.0.0:9090" },
		{ ":0", false, "0.0.0.0:0" },
		{ ":65535", false, "0.0.0.0:65535" },
		{ "*:80", false, "0.0.0.0:80" },
		{ "127.0.0.1:3031", false, "127.0.0.1:3031" },
		{ "0.0.0.0:1234", true, "0.0.0.0:1234" },
		{ "localhost:80", false, "127.0.0.1:80" },
		{ "[::1]:80", false, "[::1]:80" },
		{ "[::]:80", false, "[::]:80" },
		{ ": 5000", false, "0.0.0.0:5000" },
		{ ":5000 ", false, "0.0.0.0:5000" },
		{ ":00080", false, "0.0.0.0:80" },
		/* a port alone is one only where a gateway listens */
		{ "9090", true, "0.0.0.0:9090" },
		{ "9090", false, "9090" },
		{ "90900", true, "90900" },
		{ "9090x", true, "9090x" },
		/* quotes around it are an old habit */
		{ "\":9090\"", false, "0.0.0.0:9090" },
		{ "'127.0.0.1:80'", false, "127.0.0.1:80" },
		{ "'/run/app.sock'", false, "/run/app.sock" },
		{ "\"9090\"", true, "0.0.0.0:9090" },
		{ "'app.sock\"", false, "'app.sock\"" },
		/* unix sockets */
		{ "/run/app.sock", false, "/run/app.sock" },
		{ "/run/a:80", false, "/run/a:80" },
		{ "app.sock", true, "app.sock" },
		{ "./a:80", false, "./a:80" },
		{ "@abstract", false, "@abstract" },
		{ "@a:80", false, "@a:80" },
		{ "\\0abstract", false, "@abstract" },
		{ P107, false, P107 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why, *out = formatted(rows[i].text, rows[i].bare_port, &why);
		cr_expect(out && !strcmp(out, rows[i].out), "\"%s\" became %s (%s)", rows[i].text,
			  out ? out : "nothing", why ? why : "no reason");
	}
}

Test(address, says_what_is_wrong)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "it is empty" },
		{ "''", "it is empty" },
		{ "host:99999", "the port is not a number from 0 to 65535" },
		{ ":65536", "the port is not a number from 0 to 65535" },
		{ ":", "the port is not a number from 0 to 65535" },
		{ ": ", "the port is not a number from 0 to 65535" },
		{ ":80a", "the port is not a number from 0 to 65535" },
		{ ":-1", "the port is not a number from 0 to 65535" },
		{ ":+80", "the port is not a number from 0 to 65535" },
		{ ":8 0", "the port is not a number from 0 to 65535" },
		{ ":000080", "the port is not a number from 0 to 65535" },
		{ P108, "the path is longer than a unix socket's may be (107 bytes)" },
		{ "@" P108, "the path is longer than a unix socket's may be (107 bytes)" },
		{ "fd://", "the descriptor is not an open socket" },
		{ "fd://x", "the descriptor is not an open socket" },
		{ "fd://9999", "the descriptor is not an open socket" },
		{ P100 P100 P100 "x:80", "the path is longer than a unix socket's may be (107 bytes)" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why;
		formatted(rows[i].text, false, &why);
		cr_expect(why && !strcmp(why, rows[i].why), "\"%s\": %s", rows[i].text, why ? why : "accepted");
	}
}

Test(address, refuses_a_host_that_is_none)
{
	static const char *const rows[] = { "999.1.1.1:80", "[::1:80", "[]:80", "]:80", " :80" };
	char longest[400];
	const char *why;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_null(formatted(rows[i], false, &why), "%s", rows[i]);
	memset(longest, 'a', sizeof longest);
	strcpy(longest + 300, ":80");
	cr_expect_null(formatted(longest, false, &why));
	cr_expect_str_eq(why, "the host name is too long");
}

Test(address, takes_over_an_open_socket)
{
	int fds[2];
	char text[32];
	struct address a;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	snprintf(text, sizeof text, "fd://%d", fds[0]);
	cr_assert_null(address_parse(text, false, &a));
	cr_assert_eq(a.inherited_fd, fds[0]);
	cr_assert(a.is_unix);
	cr_assert_null(address_parse(":80", false, &a));
	cr_assert_eq(a.inherited_fd, -1);
}

Test(address, keeps_the_bytes_of_an_abstract_name_exact)
{
	struct address a, b;
	cr_assert_null(address_parse("@name", false, &a));
	cr_assert_null(address_parse("\\0name", false, &b));
	cr_assert_eq(a.len, offsetof(struct sockaddr_un, sun_path) + 5);
	cr_assert_eq(a.len, b.len);
	cr_assert(!memcmp(a.un.sun_path, "\0name", 5) && !memcmp(b.un.sun_path, "\0name", 5));
	cr_assert(a.is_unix && a.is_abstract);
}
