/* http.h - what the files of this plugin know of each other. */
#ifndef HTTP_H
#define HTTP_H

#include <uwsgi.h>

/* ---- the protocol row: pure functions over a buffer ---- */

/* Parse a request head; contract of uwsgi_protocol.parse. */
int http_parse(struct uwsgi_request *req, char *buf, size_t len, size_t *seen);
/* Decode the chunked coding in place; contract of uwsgi_protocol.decode. */
int http_chunk_decode(uint64_t state[4], char *buf, size_t len, size_t *used_r, size_t *out_r);

/* ---- request targets ---- */

struct http_target {
	struct uwsgi_str raw;	    /* as sent */
	struct uwsgi_str path;	    /* not decoded */
	struct uwsgi_str query;	    /* after the first '?', "" when there is none */
	struct uwsgi_str authority; /* of an absolute target; absent otherwise */
	bool encoded;		    /* the path has escapes or dot segments */
};

/* Scan the target at `at`, which a byte that no target may hold ends before `end`.  The number of its bytes, or 0 when
 * there are none. */
size_t http_target_scan(const char *at, struct http_target *target_r);
/* Decide which of the four forms it is, and whether `method` may have it.  0 or -400. */
int http_target_resolve(struct http_target *target, struct uwsgi_str method);

/* Undo percent-encoding and dot segments of in[0..n) into out[0..n).  The length, or -400. */
int http_path_decode(const char *in, size_t n, char *out);

/* ---- header names ---- */

/* What a field is to the parser itself. */
enum http_role {
	HTTP_PLAIN = 0,
	HTTP_DROPPED, /* never shown to the application */
	HTTP_SINGLE,  /* sent twice it has no meaning: refused */
	HTTP_COOKIE,  /* joined with "; " */
	HTTP_HOST,
	HTTP_LENGTH,
	HTTP_CODING,
	HTTP_CONNECTION,
	HTTP_EXPECT,
};

struct http_name {
	struct uwsgi_str cgi;	     /* "HTTP_USER_AGENT" */
	const struct uwsgi_key *key; /* NULL when it could not be interned */
	enum http_role role;
};

/* The name spelt raw[0..n).  0, -400 when it is no token, or -431 when the request may have no more memory. */
int http_name_find(struct uwsgi_request *req, const char *raw, size_t n, const struct http_name **name_r);

/* ---- what the values of some fields mean ---- */

enum { HTTP_TOKEN_CLOSE = 1u, HTTP_TOKEN_KEEP_ALIVE = 2u };

bool http_host_is_valid(struct uwsgi_str value);
/* Digits only.  0, -400, or -413 when no number of ours can hold it. */
int http_length_parse(struct uwsgi_str value, int64_t *length_r);
/* 0 for exactly "chunked", -501 for a coding we do not know, -400 for anything else. */
int http_coding_check(struct uwsgi_str value);
/* The HTTP_TOKEN_ bits of a Connection value. */
unsigned http_connection_tokens(struct uwsgi_str value);
bool http_is_text(struct uwsgi_str value, const char *lower); /* equal, in any case */

/* ---- the gateway ---- */

/* Bind every address of --http.  0 or -EINVAL after the reason was logged. */
int http_gateway_open(const struct uwsgi_strings *addresses);
int http_gateway_count(void);
int http_gateway_run(int number);

#endif
