/* uwsgi/request.h - one request: what came in, and how to answer.
 *
 * Life of a request, all on one thread of a worker: the accept loop collects the bytes, a protocol row parses the head
 * into variables, a small body is collected too, then the request function of the plugin that owns the modifier runs.
 * When it returns, the kernel completes the response, logs the line and reuses everything here.  Nothing of a request
 * may be kept after that. */
#ifndef UWSGI_REQUEST_H
#define UWSGI_REQUEST_H

#include <sys/types.h>
#include <sys/uio.h>
#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

struct uwsgi_socket;
struct uwsgi_request;

/* ---- variable names ---- */

/* Names the server knows; each has a fixed id, UWSGI_KEY_<name>. */
/* clang-format off */
#define UWSGI_KNOWN_KEYS(X) \
	X(REQUEST_METHOD) \
	X(REQUEST_URI) \
	X(PATH_INFO) \
	X(QUERY_STRING) \
	X(SCRIPT_NAME) \
	X(SERVER_PROTOCOL) \
	X(SERVER_NAME) \
	X(SERVER_PORT) \
	X(REMOTE_ADDR) \
	X(REMOTE_PORT) \
	X(REMOTE_USER) \
	X(CONTENT_TYPE) \
	X(CONTENT_LENGTH) \
	X(DOCUMENT_ROOT) \
	X(HTTPS) \
	X(UWSGI_SCHEME) \
	X(UWSGI_APPID) \
	X(HTTP_HOST) \
	X(HTTP_USER_AGENT) \
	X(HTTP_REFERER) \
	X(HTTP_COOKIE) \
	X(HTTP_ACCEPT) \
	X(HTTP_ACCEPT_ENCODING) \
	X(HTTP_ACCEPT_LANGUAGE) \
	X(HTTP_CONNECTION) \
	X(HTTP_AUTHORIZATION) \
	X(HTTP_X_FORWARDED_FOR) \
	X(HTTP_X_FORWARDED_PROTO) \
	X(HTTP_X_FORWARDED_SSL) \
	X(HTTP_ORIGIN) \
	X(HTTP_UPGRADE)
/* clang-format on */

enum uwsgi_known_key {
#define X(name) UWSGI_KEY_##name,
	UWSGI_KNOWN_KEYS(X)
#undef X
		UWSGI_KEY_KNOWN, /* how many */
};
#define UWSGI_KEY_MAX 1024 /* ids are below this */

/* An interned name; one object per name and process, never freed, so a plugin may cache by id. */
struct uwsgi_key {
	const char *name; /* "HTTP_USER_AGENT", terminated */
	uint16_t len;
	uint16_t id;
};

/* Intern a name (CGI form).  NULL when UWSGI_KEY_MAX different names were seen: use the name itself.
 * [any] thread-safe. */
UWSGI_API const struct uwsgi_key *uwsgi_key_intern(const char *name, size_t len);
UWSGI_API const struct uwsgi_key *uwsgi_key_known(enum uwsgi_known_key id);

struct uwsgi_var {
	const struct uwsgi_key *key; /* NULL when the name could not be interned */
	struct uwsgi_str name, value;
};

/* ---- protocols ---- */

enum uwsgi_body_kind { UWSGI_BODY_NONE = 0, UWSGI_BODY_LENGTH, UWSGI_BODY_CHUNKED };

enum {
	UWSGI_PROTO_KEEPALIVE = 1u << 0, /* a connection may carry further requests */
};

/* A protocol row: bytes in, request out.  Pure: no I/O, no log, no memory but the request's.
 * A table ends with an all-zero row. */
struct uwsgi_protocol {
	const char *name;
	uint32_t flags;
	/* Parse a head from buf[0..len).  Returns the head's length (> 0) when it is complete: vars, content_length,
	 * body, http_version, keep_alive, ... are then set, and refer to `buf` or to uwsgi_request_alloc memory; 0 when
	 * more bytes are needed; -STATUS (-400, -431, ...) when the message is refused.  `*seen` is 0 at the start of a
	 * head and otherwise what the last call left there, so that a slow head is not scanned again and again. */
	int (*parse)(struct uwsgi_request *req, char *buf, size_t len, size_t *seen);
	/* Decode body framing in place, for UWSGI_BODY_CHUNKED: of buf[0..len), `*used_r` bytes were consumed and the
	 * first `*out_r` bytes are now payload.  `state` is 32 zero bytes at the start of a body.
	 * Returns 1 when the body is complete, 0 when more bytes are needed, -STATUS when it is refused. */
	int (*decode)(uint64_t state[4], char *buf, size_t len, size_t *used_r, size_t *out_r);
};

/* ---- the request ---- */

struct uwsgi_request {
	/* what came in; set by the protocol */
	struct uwsgi_var *vars;
	unsigned nvars;
	uint16_t known[UWSGI_KEY_KNOWN]; /* position + 1 in vars of each known key, 0: absent; kept by add_var */
	uint8_t modifier1, modifier2;
	uint8_t http_version;	/* 9, 10, 11 */
	uint8_t body;		/* enum uwsgi_body_kind */
	bool is_head;		/* the response must not carry a body */
	bool keep_alive;	/* the client would send another request on this connection */
	bool expect_continue;	/* the client waits for 100 before it sends the body */
	int64_t content_length; /* of the request body; 0 when none, -1 when chunked */

	/* where it came from; set by the kernel before parse */
	const struct uwsgi_socket *socket;
	const struct uwsgi_protocol *protocol;
	struct uwsgi_str remote_addr; /* "127.0.0.1"; "" on a unix socket */
	uint16_t remote_port;
	int core;	     /* index of the thread that runs it */
	uint64_t started_us; /* epoch, when the head was complete */

	/* what went out so far; read only for plugins */
	int status; /* 0 until uwsgi_response_status */
	unsigned header_count;
	uint32_t head_size;
	uint64_t body_size;
	bool headers_sent;
	bool broken; /* the client is gone; writing returns an error */

	void *data; /* for the plugin that runs it */
};

/* Value of a variable: {NULL, 0} when absent.  Variables of the socket count too. */
UWSGI_API struct uwsgi_str uwsgi_request_known(const struct uwsgi_request *req, enum uwsgi_known_key id);
UWSGI_API struct uwsgi_str uwsgi_request_var(const struct uwsgi_request *req, const char *name, size_t len);

/* Append a variable; a later one of the same name wins.  Name and value must live as long as the request.
 * -E2BIG: more than the server allows (answer 431). */
UWSGI_API int uwsgi_request_add_var(struct uwsgi_request *req, const struct uwsgi_key *key, struct uwsgi_str name,
				    struct uwsgi_str value);

/* Memory of the request, not zeroed, freed at its end.  NULL: the request may have no more (answer 431). */
UWSGI_API void *uwsgi_request_alloc(struct uwsgi_request *req, size_t size);

/* The request the current thread is running, or NULL. */
UWSGI_API struct uwsgi_request *uwsgi_request_current(void);

/* ---- its body ---- */

/* Read at least `min` (>= 1) and at most `max` bytes; less than `min` only at the end of the body.  Blocks, for at most
 * socket-timeout without progress.  Returns the count, 0 at the end, or -ETIMEDOUT, -ECONNRESET, -EPROTO (broken
 * framing), -EFBIG (limit-post). */
UWSGI_API ssize_t uwsgi_body_read(struct uwsgi_request *req, void *buf, size_t min, size_t max);
/* Bytes not read yet; -1 when unknown (chunked). */
UWSGI_API int64_t uwsgi_body_left(const struct uwsgi_request *req);

/* ---- its response ---- */

/* Begin, or begin again while nothing was sent: "200 OK".  Removes the headers set so far.
 * -EINVAL: not three digits, an interim status (1xx but 101), or a byte that may not be in a status line; -EALREADY:
 * headers were sent. */
UWSGI_API int uwsgi_response_status(struct uwsgi_request *req, const char *status, size_t len);

/* Add a header.  -EINVAL: the name is no token, the value holds CR, LF or NUL, or it frames the body a second time;
 * -E2BIG: the head is full (64 KiB). */
UWSGI_API int uwsgi_response_header(struct uwsgi_request *req, const char *name, size_t name_len, const char *value,
				    size_t value_len);

/* Send body bytes now, the head before the first.  Blocks while the client is too slow and the buffer of the connection
 * is full.  0; 1 when nothing more is wanted (HEAD, the Content-Length is reached): an endless body may stop; -EPIPE
 * (gone), -ETIMEDOUT, -EINVAL (no status yet). */
UWSGI_API int uwsgi_response_write(struct uwsgi_request *req, const void *buf, size_t len);

/* The whole body, known at once: its length is added when the application did not give one, and head and body leave in
 * one system call.  To be called once, in place of write. */
UWSGI_API int uwsgi_response_body(struct uwsgi_request *req, const struct iovec *iov, int count);

/* The rest of the body is `len` bytes of a file from `offset`.  The descriptor is duplicated when it must outlive the
 * call.  To be called once, last. */
UWSGI_API int uwsgi_response_file(struct uwsgi_request *req, int fd, int64_t offset, int64_t len);

/* Send the head now, even without a body. */
UWSGI_API int uwsgi_response_flush(struct uwsgi_request *req);

/* Answer with a status and a short text, and close the connection afterwards.  When headers were sent, the connection
 * closes without the end of the body, so that the client knows that something is missing; -EALREADY. */
UWSGI_API int uwsgi_response_error(struct uwsgi_request *req, int status);

/* Close the connection now; the request function may go on, writing fails. */
UWSGI_API void uwsgi_request_disconnect(struct uwsgi_request *req);
/* Descriptor of the connection. */
UWSGI_API int uwsgi_request_fd(const struct uwsgi_request *req);

/* ---- its deadline ---- */

/* Give the request that this thread runs so many seconds from now, beside what the options say; 0: take that back,
 * which the end of the request does too.  When it is late its client is answered 504 (or cut off), and the worker
 * replaced. 0 or a negative errno. */
UWSGI_API int uwsgi_request_deadline(struct uwsgi_request *req, int seconds);

/* ---- its log line ---- */

UWSGI_API void uwsgi_request_log(struct uwsgi_request *req); /* log it even when logging is off */
/* Text copied; at most 255 bytes each.  -E2BIG. */
UWSGI_API int uwsgi_request_set_logvar(struct uwsgi_request *req, struct uwsgi_str key, struct uwsgi_str value);
UWSGI_API struct uwsgi_str uwsgi_request_logvar(const struct uwsgi_request *req, struct uwsgi_str key);

UWSGI_END_DECLS
#endif
