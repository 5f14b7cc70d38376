/* http_header.c - from the spelling of a field name to its variable: "User-Agent" is HTTP_USER_AGENT.
 *
 * Clients spell few names in few ways, so each spelling is checked, translated and interned once per process and found
 * again by its bytes.  A spelling in the table is a valid token by construction: finding it is also checking it.
 *
 * The table is process-wide because its answers are (a key is the same object for ever).  It is bounded and so is each
 * probe: a client that sends invented names gets the slow way, nothing else. */
#include "http.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "http_char.h"

enum {
	SLOTS = 2048, /* power of two */
	SPELLINGS_MAX = SLOTS / 2,
	SPELLING_MAX_LEN = 64,
	PROBE_MAX = 16,
};

/* The length, the first and the last bytes of a name: all of it up to sixteen, and enough to hash more. */
struct print {
	uint64_t head, tail;
	size_t len;
};

struct spelling {
	struct http_name name;
	struct print print;
	char raw[SPELLING_MAX_LEN];
};

static _Atomic(const struct spelling *) slots[SLOTS];
static pthread_mutex_t insert_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned spelling_count; /* guarded by insert_lock */

/* Fields that are more than a variable.  PROXY: a CGI library would take HTTP_PROXY for its proxy setting. */
static const struct {
	const char *cgi;
	enum http_role role;
} special[] = {
	{ "CONTENT_LENGTH", HTTP_LENGTH },
	{ "CONTENT_TYPE", HTTP_SINGLE },
	{ "HTTP_AUTHORIZATION", HTTP_SINGLE },
	{ "HTTP_CONNECTION", HTTP_CONNECTION },
	{ "HTTP_COOKIE", HTTP_COOKIE },
	{ "HTTP_EXPECT", HTTP_EXPECT },
	{ "HTTP_HOST", HTTP_HOST },
	{ "HTTP_ORIGIN", HTTP_SINGLE },
	{ "HTTP_PROXY", HTTP_DROPPED },
	{ "HTTP_PROXY_AUTHORIZATION", HTTP_SINGLE },
	{ "HTTP_TRANSFER_ENCODING", HTTP_CODING },
};

static uint64_t load64(const char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

static uint64_t load32(const char *p)
{
	uint32_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

/* Up to eight bytes as one number; different for different bytes of the same length. */
static uint64_t word_of(const char *p, size_t n)
{
	if (n >= 8)
		return load64(p);
	if (n >= 4)
		return load32(p) << 32 | load32(p + n - 4);
	return (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 | (unsigned char)p[n - 1];
}

static struct print print_of(const char *raw, size_t n)
{
	return (struct print){ word_of(raw, n), n > 8 ? load64(raw + n - 8) : 0, n };
}

static size_t hash_of(const struct print *p)
{
	return (size_t)(((p->head ^ p->len) * 0x9e3779b97f4a7c15u ^ p->tail) * 0xff51afd7ed558ccdu >> 40);
}

static bool is_spelt(const struct spelling *s, const struct print *p, const char *raw)
{
	if (s->print.head != p->head || s->print.tail != p->tail || s->print.len != p->len)
		return false;
	return p->len <= 16 || !memcmp(s->raw + 8, raw + 8, p->len - 16);
}

static const struct spelling *find(const struct print *p, const char *raw)
{
	size_t hash = hash_of(p);

	for (size_t i = 0; i < PROBE_MAX; i++) {
		const struct spelling *s = atomic_load_explicit(&slots[(hash + i) & (SLOTS - 1)], memory_order_acquire);
		if (!s)
			return NULL;
		if (is_spelt(s, p, raw))
			return s;
	}
	return NULL;
}

static enum http_role role_of(struct uwsgi_str cgi, bool underscore)
{
	if (underscore)
		return HTTP_DROPPED; /* X_B would pass for X-B */
	for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
		if (cgi.n == strlen(special[i].cgi) && !memcmp(cgi.p, special[i].cgi, cgi.n))
			return special[i].role;
	return HTTP_PLAIN;
}

static char cgi_char(char c)
{
	if (c == '-')
		return '_';
	return c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
}

static bool is_token(const char *raw, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!http_char_is(raw[i], HTTP_IS_TOKEN))
			return false;
	return n > 0;
}

/* Write the CGI name of a token to out[0..n + 5) and say what it is. */
static struct http_name translate(const char *raw, size_t n, char *out)
{
	static const char prefix[] = { 'H', 'T', 'T', 'P', '_' };
	char *rest = out + sizeof prefix;
	struct http_name name = { .cgi = { out, n + sizeof prefix } };

	memcpy(out, prefix, sizeof prefix);
	for (size_t i = 0; i < n; i++)
		rest[i] = cgi_char(raw[i]);
	if ((n == 12 && !memcmp(rest, "CONTENT_TYPE", 12)) || (n == 14 && !memcmp(rest, "CONTENT_LENGTH", 14)))
		name.cgi = (struct uwsgi_str){ rest, n };
	name.role = role_of(name.cgi, memchr(raw, '_', n) != NULL);
	if (name.role != HTTP_DROPPED)
		name.key = uwsgi_key_intern(name.cgi.p, name.cgi.n);
	return name;
}

/* Put a finished spelling in the first free slot of its probe.  False: there is none, or another thread was first. */
static bool publish(const struct spelling *s)
{
	size_t hash = hash_of(&s->print);

	for (size_t i = 0; i < PROBE_MAX && spelling_count < SPELLINGS_MAX; i++) {
		size_t slot = (hash + i) & (SLOTS - 1);
		const struct spelling *other = atomic_load_explicit(&slots[slot], memory_order_relaxed);
		if (other && is_spelt(other, &s->print, s->raw))
			return false;
		if (other)
			continue;
		atomic_store_explicit(&slots[slot], s, memory_order_release);
		spelling_count++;
		return true;
	}
	return false;
}

/* Keep a spelling whose name has a life of its own: that of a key, or none at all. */
static void remember(const struct print *print, const char *raw, const struct http_name *name)
{
	struct spelling *s;

	if (print->len > SPELLING_MAX_LEN || (!name->key && name->role != HTTP_DROPPED))
		return;
	s = malloc(sizeof *s);
	if (!s)
		return;
	*s = (struct spelling){ .name = *name, .print = *print };
	memcpy(s->raw, raw, print->len);
	s->name.cgi = name->key ? (struct uwsgi_str){ name->key->name, name->key->len } : (struct uwsgi_str){ "", 0 };

	pthread_mutex_lock(&insert_lock);
	if (publish(s))
		s = NULL;
	pthread_mutex_unlock(&insert_lock);
	free(s);
}

int http_name_find(struct uwsgi_request *req, const char *raw, size_t n, const struct http_name **name_r)
{
	const struct spelling *known;
	struct http_name *name;
	struct print print;

	if (n == 0)
		return -400;
	print = print_of(raw, n);
	known = n <= SPELLING_MAX_LEN ? find(&print, raw) : NULL;
	if (known) {
		*name_r = &known->name;
		return 0;
	}
	if (!is_token(raw, n))
		return -400;
	name = uwsgi_request_alloc(req, sizeof *name + 5 + n); /* 5: HTTP_ */
	if (!name)
		return -431;
	*name = translate(raw, n, (char *)(name + 1));
	remember(&print, raw, name);
	*name_r = name;
	return 0;
}
