/* http_parse.c - the head of an HTTP/1 request: bytes in, variables out.
 *
 * A head is parsed in one pass once it is complete; until then only its line ends are looked at.  Values refer to the
 * buffer.  One message has one meaning: what RFC 9112 lets a server repair or guess is refused here, because the proxy
 * in front may have guessed otherwise. */
#include "http.h"

#include <string.h>

#include "http_char.h"
#include "http_scan.h"

enum { FIELD_LINES_MAX = 512 }; /* repeated fields make no variable, so the kernel's limit does not count them */

/* A head being parsed.  [at, end) begins after what was taken, and holds at least the CRLF CRLF that ends the head. */
struct head {
	struct uwsgi_request *req;
	const char *at, *end;
	struct http_target target;
	uint64_t added; /* bit id % 64 of each variable added from a field: a clear bit means "not there yet" */
	unsigned lines;
	unsigned tokens; /* HTTP_TOKEN_ bits of Connection */
	bool host, length, coding, expect_continue, expect_other;
};

/* Is there a complete head in at[0..n)?  1, 0, or -400 when a line ends in anything but CRLF.  Looks at each byte once
 * over all calls. */
static int find_end(const char *at, size_t n, size_t *seen)
{
	if (n >= 4 && !memcmp(at + n - 4, "\r\n\r\n", 4))
		return 1; /* nearly always: the head and nothing else */
	while (*seen < n) {
		const char *lf = memchr(at + *seen, '\n', n - *seen);

		if (!lf)
			break;
		if (lf == at || lf[-1] != '\r')
			return -400;
		if (lf - at >= 3 && lf[-2] == '\n')
			return 1;
		*seen = (size_t)(lf - at) + 1;
	}
	*seen = n;
	return 0;
}

static int add(struct uwsgi_request *req, enum uwsgi_known_key id, struct uwsgi_str value)
{
	const struct uwsgi_key *key = uwsgi_key_known(id);

	return uwsgi_request_add_var(req, key, (struct uwsgi_str){ key->name, key->len }, value) < 0 ? -431 : 0;
}

/* "HTTP/1.1" and the CRLF after it. */
static int take_version(struct head *h, struct uwsgi_str *version_r)
{
	const char *v = h->at;

	if (h->end - v < 10 || memcmp(v, "HTTP/", 5) || v[6] != '.' || v[8] != '\r' || v[9] != '\n')
		return -400;
	if (v[5] < '0' || v[5] > '9' || v[7] < '0' || v[7] > '9')
		return -400;
	if (v[5] != '1')
		return -505;
	h->req->http_version = v[7] == '0' ? 10 : 11;
	*version_r = (struct uwsgi_str){ v, 8 };
	h->at = v + 10;
	return 0;
}

/* PATH_INFO: the path as it is, or decoded into the request's memory. */
static int path_info(struct uwsgi_request *req, const struct http_target *target, struct uwsgi_str *path_r)
{
	char *copy;
	int len;

	*path_r = target->path;
	if (!target->encoded)
		return 0;
	copy = uwsgi_request_alloc(req, target->path.n + 1);
	if (!copy)
		return -431;
	len = http_path_decode(target->path.p, target->path.n, copy);
	if (len < 0)
		return len;
	*path_r = (struct uwsgi_str){ copy, (size_t)len };
	return 0;
}

static int add_remote(struct uwsgi_request *req)
{
	unsigned port = req->remote_port;
	char *text;
	size_t n = 5;

	if (req->remote_addr.n == 0) /* a unix socket; what uWSGI 2.0 says */
		return add(req, UWSGI_KEY_REMOTE_ADDR, (struct uwsgi_str){ "0.0.0.0", 7 });
	text = uwsgi_request_alloc(req, 5);
	if (!text || add(req, UWSGI_KEY_REMOTE_ADDR, req->remote_addr) < 0)
		return -431;
	do
		text[--n] = (char)('0' + port % 10);
	while (port /= 10);
	return add(req, UWSGI_KEY_REMOTE_PORT, (struct uwsgi_str){ text + n, 5 - n });
}

static int add_request_line(struct head *h, struct uwsgi_str method, struct uwsgi_str version)
{
	struct uwsgi_str path;
	int rc = path_info(h->req, &h->target, &path);

	if (rc < 0)
		return rc;
	if (add(h->req, UWSGI_KEY_REQUEST_METHOD, method) < 0 ||
	    add(h->req, UWSGI_KEY_REQUEST_URI, h->target.raw) < 0 || add(h->req, UWSGI_KEY_PATH_INFO, path) < 0 ||
	    add(h->req, UWSGI_KEY_QUERY_STRING, h->target.query) < 0 ||
	    add(h->req, UWSGI_KEY_SERVER_PROTOCOL, version) < 0)
		return -431;
	return add_remote(h->req);
}

static int take_request_line(struct head *h)
{
	struct uwsgi_str method = { h->at, 0 }, version;
	int rc;

	while (http_char_is(*h->at, HTTP_IS_TOKEN))
		h->at++;
	method.n = (size_t)(h->at - method.p);
	if (method.n == 0 || *h->at != ' ')
		return -400;
	h->at += 1 + http_target_scan(h->at + 1, &h->target);
	if (h->target.raw.n == 0 || *h->at != ' ')
		return -400;
	h->at++;
	rc = take_version(h, &version);
	if (rc < 0)
		return rc;
	rc = http_target_resolve(&h->target, method);
	if (rc < 0)
		return rc;
	h->req->is_head = method.n == 4 && !memcmp(method.p, "HEAD", 4);
	if (method.n == 7 && !memcmp(method.p, "CONNECT", 7))
		h->tokens |= HTTP_TOKEN_CLOSE; /* what follows is not HTTP */
	return add_request_line(h, method, version);
}

static struct uwsgi_var *find_var(struct uwsgi_request *req, const struct http_name *name)
{
	for (unsigned i = 0; i < req->nvars; i++) {
		struct uwsgi_var *var = &req->vars[i];

		if (name->key ? var->key == name->key
			      : var->name.n == name->cgi.n && !memcmp(var->name.p, name->cgi.p, name->cgi.n))
			return var;
	}
	return NULL;
}

static int join(struct uwsgi_request *req, struct uwsgi_var *var, const char separator[2], struct uwsgi_str more)
{
	size_t n = var->value.n;
	char *text = uwsgi_request_alloc(req, n + 2 + more.n);

	if (!text)
		return -431;
	memcpy(text, var->value.p, n);
	memcpy(text + n, separator, 2);
	memcpy(text + n + 2, more.p, more.n);
	var->value = (struct uwsgi_str){ text, n + 2 + more.n };
	return 0;
}

/* Let a field say what it has to say to the parser itself. */
static int apply_role(struct head *h, enum http_role role, struct uwsgi_str value)
{
	bool again;

	switch (role) {
	case HTTP_HOST:
		again = h->host;
		h->host = true;
		return again || !http_host_is_valid(value) ? -400 : 0;
	case HTTP_LENGTH:
		again = h->length;
		h->length = true;
		return again ? -400 : http_length_parse(value, &h->req->content_length);
	case HTTP_CODING:
		again = h->coding;
		h->coding = true;
		return again ? -400 : http_coding_check(value);
	case HTTP_CONNECTION:
		h->tokens |= http_connection_tokens(value);
		return 0;
	case HTTP_EXPECT:
		h->expect_continue = http_is_text(value, "100-continue");
		h->expect_other |= !h->expect_continue;
		return 0;
	default:
		return 0;
	}
}

static int add_field(struct head *h, const struct http_name *name, struct uwsgi_str value)
{
	uint64_t bit = 1ull << (name->key ? name->key->id % 64 : 63);
	struct uwsgi_var *var = h->added & bit ? find_var(h->req, name) : NULL;

	if (var && name->role == HTTP_SINGLE)
		return -400;
	if (var)
		return join(h->req, var, name->role == HTTP_COOKIE ? "; " : ", ", value);
	h->added |= bit;
	return uwsgi_request_add_var(h->req, name->key, name->cgi, value) < 0 ? -431 : 0;
}

/* One line "name: value" and its CRLF.  A folded line has no token before a colon and is refused like any other. */
static int take_field(struct head *h)
{
	const char *colon = http_scan_colon(h->at, h->end), *start, *stop, *value_end;
	const struct http_name *name;
	struct uwsgi_str value;
	int rc;

	if (colon == h->end)
		return -400;
	if (++h->lines > FIELD_LINES_MAX)
		return -431;
	rc = http_name_find(h->req, h->at, (size_t)(colon - h->at), &name);
	if (rc < 0)
		return rc;
	for (start = colon + 1; *start == ' ' || *start == '\t'; start++)
		;
	stop = http_scan_text(start, h->end);
	if (stop[0] != '\r' || stop[1] != '\n')
		return -400;
	for (value_end = stop; value_end > start && (value_end[-1] == ' ' || value_end[-1] == '\t'); value_end--)
		;
	h->at = stop + 2;
	if (name->role == HTTP_DROPPED)
		return 0;
	value = (struct uwsgi_str){ start, (size_t)(value_end - start) };
	rc = apply_role(h, name->role, value);
	return rc < 0 ? rc : add_field(h, name, value);
}

/* An absolute target outranks the Host field. */
static int settle_host(struct head *h)
{
	struct uwsgi_request *req = h->req;

	if (!h->host && req->http_version >= 11)
		return -400;
	if (!h->target.authority.p)
		return 0;
	if (!req->known[UWSGI_KEY_HTTP_HOST])
		return add(req, UWSGI_KEY_HTTP_HOST, h->target.authority);
	req->vars[req->known[UWSGI_KEY_HTTP_HOST] - 1].value = h->target.authority;
	return 0;
}

/* Where does the body end, and what happens to the connection after it? */
static int settle_framing(struct head *h)
{
	struct uwsgi_request *req = h->req;
	bool modern = req->http_version >= 11;

	if (h->coding && (h->length || !modern))
		return -400;
	if (h->expect_other && modern)
		return -417;
	req->body = UWSGI_BODY_NONE;
	if (h->coding) {
		req->body = UWSGI_BODY_CHUNKED;
		req->content_length = -1;
	} else if (req->content_length > 0) {
		req->body = UWSGI_BODY_LENGTH;
	}
	req->expect_continue = h->expect_continue && modern && req->body != UWSGI_BODY_NONE;
	req->keep_alive = !(h->tokens & HTTP_TOKEN_CLOSE) && (modern || h->tokens & HTTP_TOKEN_KEEP_ALIVE);
	return 0;
}

int http_parse(struct uwsgi_request *req, char *buf, size_t len, size_t *seen)
{
	/* One empty line before a request is an old client's mistake (RFC 9112 2.2); a second one is garbage. */
	size_t skip = len >= 2 && buf[0] == '\r' && buf[1] == '\n' ? 2 : 0;
	struct head h = { .req = req, .at = buf + skip, .end = buf + len };
	int rc;

	if (len == skip || (len == 1 && buf[0] == '\r'))
		return 0;
	if (!http_char_is(*h.at, HTTP_IS_TOKEN))
		return -400; /* TLS, a uwsgi packet, ...: say so at once */
	if (*seen < skip)
		*seen = skip;
	*seen -= skip;
	rc = find_end(h.at, len - skip, seen);
	*seen += skip;
	if (rc <= 0)
		return rc;

	req->content_length = 0;
	rc = take_request_line(&h);
	while (rc == 0 && !(h.at[0] == '\r' && h.at[1] == '\n'))
		rc = take_field(&h);
	if (rc == 0)
		rc = settle_host(&h);
	if (rc == 0)
		rc = settle_framing(&h);
	return rc < 0 ? rc : (int)(h.at + 2 - buf);
}
