/* api_socket.c - API functions that talk over sockets and read files: small helpers for programs, all of which may
 * block and tell failure by their result, as in uWSGI 2.0. */
#include "api_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uwsgi/api.h>
#include <uwsgi/log.h>
#include <uwsgi/request.h>
#include <uwsgi/socket.h>

enum { RECV_MAX = 4096, FILE_MAX = 64 * 1024 * 1024 };

/* True when the descriptor was ready before `ms` (-1: never) were over. */
static bool wait_for(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int rc;
	do
		rc = poll(&p, 1, ms);
	while (rc == -1 && errno == EINTR);
	return rc == 1;
}

/* ---- connecting ---- */

static int api_connect(struct uwsgi_call *c)
{
	int64_t seconds = uwsgi_arg_int(c, 1);
	int fd = uwsgi_connect(uwsgi_arg_str(c, 0).p, seconds > 0 && seconds < 1000000 ? (int)seconds * 1000 : -1);
	uwsgi_ret_int(c, fd < 0 ? -1 : fd);
	return 0;
}

static int async_connect(struct uwsgi_call *c)
{
	int fd = uwsgi_connect_begin(uwsgi_arg_str(c, 0).p);
	uwsgi_ret_int(c, fd < 0 ? -1 : fd);
	return 0;
}

static int is_connected(struct uwsgi_call *c)
{
	uwsgi_ret_bool(c, uwsgi_connect_result((int)uwsgi_arg_int(c, 0)) == 0);
	return 0;
}

static int api_close(struct uwsgi_call *c)
{
	close((int)uwsgi_arg_int(c, 0));
	return 0;
}

/* ---- sending and receiving ---- */

static int write_all(int fd, struct uwsgi_str data)
{
	while (data.n) {
		ssize_t n = send(fd, data.p, data.n, MSG_NOSIGNAL);
		if (n == -1 && errno == ENOTSOCK)
			n = write(fd, data.p, data.n);
		if (n == -1 && errno == EAGAIN && wait_for(fd, POLLOUT, -1))
			continue;
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -errno;
		data.p += n;
		data.n -= (size_t)n;
	}
	return 0;
}

/* send(data) to the client, or send(fd, data). */
static int api_send(struct uwsgi_call *c)
{
	const struct uwsgi_value *first = uwsgi_arg(c, 0);
	struct uwsgi_request *req = uwsgi_call_request(c);
	int fd;
	struct uwsgi_str data;
	if (uwsgi_arg_given(c, 1)) {
		if (uwsgi_value_type(first) != UWSGI_T_INT)
			return uwsgi_fail(c, UWSGI_ETYPE, "send() argument 1 must be int when there are two");
		fd = (int)uwsgi_value_int(first);
		data = uwsgi_arg_str(c, 1);
	} else {
		data = uwsgi_value_str(first);
		if (!data.p)
			return uwsgi_fail(c, UWSGI_ETYPE, "send() takes bytes or str");
		if (!req)
			return uwsgi_fail(c, UWSGI_ERUNTIME, "send() without a descriptor needs a request");
		fd = uwsgi_request_fd(req);
	}
	int rc = write_all(fd, data);
	if (rc == 0)
		uwsgi_ret_bool(c, true);
	else
		uwsgi_log("send(): cannot write to descriptor %d: %s\n", fd, strerror(-rc));
	return 0;
}

/* One read of what is there; 0 at the end or after `ms` milliseconds. */
static ssize_t read_some(int fd, void *buf, size_t size, int ms)
{
	for (;;) {
		ssize_t n = read(fd, buf, size);
		if (n >= 0)
			return n;
		if (errno == EINTR || (errno == EAGAIN && wait_for(fd, POLLIN, ms)))
			continue;
		return -errno;
	}
}

static int api_recv(struct uwsgi_call *c)
{
	char buf[RECV_MAX];
	int64_t size = uwsgi_arg_int(c, 1);
	if (size < 1 || size > RECV_MAX)
		size = RECV_MAX;
	ssize_t n = read_some((int)uwsgi_arg_int(c, 0), buf, (size_t)size, -1);
	if (n > 0)
		uwsgi_ret_bytes(c, buf, (size_t)n);
	return 0;
}

static int recv_block(struct uwsgi_call *c)
{
	char buf[RECV_MAX];
	int fd = (int)uwsgi_arg_int(c, 0);
	int64_t size = uwsgi_arg_int(c, 1), seconds = uwsgi_arg_int(c, 2);
	if (size < 1 || size > RECV_MAX)
		return uwsgi_fail(c, UWSGI_EVALUE, "recv_block() reads 1 to %d bytes", RECV_MAX);
	int ms = seconds < 0 || seconds > 1000000 ? -1 : (int)seconds * 1000;
	int64_t have = 0;
	while (have < size) {
		if (!wait_for(fd, POLLIN, ms))
			return 0;
		ssize_t n = read_some(fd, buf + have, (size_t)(size - have), ms);
		if (n <= 0)
			return 0;
		have += n;
	}
	uwsgi_ret_bytes(c, buf, (size_t)size);
	return 0;
}

/* ---- files ---- */

/* The whole file in malloc memory, or NULL with errno. */
static char *read_file(const char *path, size_t *size_r)
{
	FILE *in = fopen(path, "re");
	if (!in)
		return NULL;
	char *text = NULL;
	size_t n = 0, room = 0;
	do {
		if (n == room) {
			room = room ? 2 * room : 8192;
			char *grown = room <= FILE_MAX ? realloc(text, room) : NULL;
			if (!grown)
				break;
			text = grown;
		}
		n += fread(text + n, 1, room - n, in);
	} while (!feof(in) && !ferror(in));
	bool whole = feof(in);
	fclose(in);
	if (!whole) {
		free(text);
		return NULL;
	}
	*size_r = n;
	return text;
}

static int extract(struct uwsgi_call *c)
{
	const char *uri = uwsgi_arg_str(c, 0).p;
	const char *scheme = strstr(uri, "://");
	if (scheme && strncmp(uri, "file://", 7) != 0)
		return uwsgi_fail(c, UWSGI_EVALUE, "extract(): only files are supported, not '%.60s'", uri);
	size_t n;
	char *text = read_file(scheme ? scheme + 3 : uri, &n);
	if (text && n)
		uwsgi_ret_bytes(c, text, n);
	free(text);
	return 0;
}

static int embedded_data(struct uwsgi_call *c)
{
	/* This build has no way to embed data in the executable, so no symbol can be there. */
	return uwsgi_fail(c, UWSGI_EVALUE, "unable to find symbol %s", uwsgi_arg_str(c, 0).p);
}

/* One length-prefixed string of a packet.  False at its end, or when it is cut. */
static bool take_string(struct uwsgi_str *packet, struct uwsgi_value *v_r)
{
	const unsigned char *p = (const unsigned char *)packet->p;
	if (packet->n < 2)
		return false;
	size_t n = p[0] | (size_t)p[1] << 8;
	if (packet->n - 2 < n)
		return false;
	*v_r = (struct uwsgi_value){ .type = UWSGI_T_BYTES, .u.s = { packet->p + 2, n } };
	packet->p += 2 + n;
	packet->n -= 2 + n;
	return true;
}

static int parsefile(struct uwsgi_call *c)
{
	size_t size;
	char *file = read_file(uwsgi_arg_str(c, 0).p, &size);
	if (!file)
		return 0;
	const unsigned char *head = (const unsigned char *)file;
	if (size < 4 || (head[0] != 0 && head[0] != 17) || size - 4 < (head[1] | (size_t)head[2] << 8)) {
		free(file);
		return 0;
	}
	struct uwsgi_str packet = { file + 4, head[1] | (size_t)head[2] << 8 };
	struct uwsgi_value *map = uwsgi_ret_map(c);
	struct uwsgi_value key, value;
	while (packet.n && take_string(&packet, &key) && take_string(&packet, &value)) {
		struct uwsgi_value *element = uwsgi_value_add(map, &key);
		if (element)
			uwsgi_value_set_text(element, UWSGI_T_BYTES, value.u.s.p, value.u.s.n);
	}
	if (packet.n) /* cut in the middle of a string */
		uwsgi_value_clear(map);
	free(file);
	return 0;
}

const struct uwsgi_api_fn *api_socket_rows(void)
{
	/* clang-format off */
	static const struct uwsgi_api_fn rows[] = {
		{ "connect", "(address: str, timeout: int = 0) -> int", "Connect to host:port or a unix socket, waiting `timeout` seconds (0: as long as it takes). A descriptor, or -1.", api_connect, UWSGI_FN_BLOCKS },
		{ "async_connect", "(address: str) -> int", "Begin to connect and return a non-blocking descriptor at once, or -1.", async_connect, UWSGI_FN_BLOCKS },
		{ "is_connected", "(fd: int) -> bool", "True unless the descriptor is no socket or has failed.", is_connected, 0 },
		{ "send", "(fd_or_data: any, data: text = None) -> bool | None", "send(data) writes to the client of the current request, send(fd, data) to a descriptor. True, or None after an error.", api_send, UWSGI_FN_BLOCKS },
		{ "recv", "(fd: int, size: int = 4096) -> bytes | None", "Read once, at most `size` and 4096 bytes. None at the end and after an error.", api_recv, UWSGI_FN_BLOCKS },
		{ "recv_block", "(fd: int, size: int, timeout: int = -1) -> bytes | None", "Read exactly `size` bytes, waiting `timeout` seconds for each part (-1: for ever). None when they do not come.", recv_block, UWSGI_FN_BLOCKS },
		{ "close", "(fd: int) -> None", "Close a descriptor.", api_close, 0 },
		{ "extract", "(uri: str) -> bytes | None", "The content of a file (a path or file://path), None when it is empty or cannot be read.", extract, UWSGI_FN_BLOCKS },
		{ "embedded_data", "(name: str) -> bytes", "Data embedded in the executable under a symbol.", embedded_data, 0 },
		{ "parsefile", "(path: str) -> map | None", "The variables of a file that holds a uwsgi packet, None when it does not.", parsefile, UWSGI_FN_BLOCKS },
		{ 0 },
	};
	/* clang-format on */
	return rows;
}
