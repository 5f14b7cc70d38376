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

struct spelling {
	struct http_name name;
	size_t len;
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

/* The first and the last eight bytes and the length tell nearly all spellings apart; a probe settles the rest. */
static size_t hash_of(const char *raw, size_t n)
{
	uint64_t head = word_of(raw, n), tail = n > 8 ? load64(raw + n - 8) : 0;

	return (size_t)(((head ^ n) * 0x9e3779b97f4a7c15u ^ tail) * 0xff51afd7ed558ccdu >> 40);
}

/* memcmp without the call: names are short, and this is the most frequent question of a head. */
static bool is_same(const char *a, const char *b, size_t n)
{
	if (n <= 8)
		return word_of(a, n) == word_of(b, n);
	for (size_t i = 0; i + 8 < n; i += 8)
		if (load64(a + i) != load64(b + i))
			return false;
	return load64(a + n - 8) == load64(b + n - 8);
}

static const struct spelling *find(const char *raw, size_t n, size_t hash)
{
	for (size_t i = 0; i < PROBE_MAX; i++) {
		const struct spelling *s = atomic_load_explicit(&slots[(hash + i) & (SLOTS - 1)], memory_order_acquire);
		if (!s)
			return NULL;
		if (s->len == n && is_same(s->raw, raw, n))
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

/* Check raw[0..n) and write its CGI name to out[0..n + 5).  0 or -400. */
static int translate(const char *raw, size_t n, char *out, struct http_name *name_r)
{
	static const char prefix[] = { 'H', 'T', 'T', 'P', '_' };
	char *cgi = out + sizeof prefix;
	bool underscore = false;
	struct uwsgi_str full;

	for (size_t i = 0; i < n; i++) {
		if (!http_char_is(raw[i], HTTP_IS_TOKEN))
			return -400;
		underscore |= raw[i] == '_';
		cgi[i] = cgi_char(raw[i]);
	}
	memcpy(out, prefix, sizeof prefix);
	full = (struct uwsgi_str){ out, n + sizeof prefix };
	if ((n == 12 && !memcmp(cgi, "CONTENT_TYPE", 12)) || (n == 14 && !memcmp(cgi, "CONTENT_LENGTH", 14)))
		full = (struct uwsgi_str){ cgi, n };
	name_r->cgi = full;
	name_r->role = role_of(full, underscore);
	name_r->key = name_r->role == HTTP_DROPPED ? NULL : uwsgi_key_intern(full.p, full.n);
	return 0;
}

/* Keep a spelling whose name has a life of its own: that of a key, or none at all. */
static void remember(const char *raw, size_t n, size_t hash, const struct http_name *name)
{
	struct spelling *s;

	if (n > SPELLING_MAX_LEN || (!name->key && name->role != HTTP_DROPPED))
		return;
	s = malloc(sizeof *s);
	if (!s)
		return;
	*s = (struct spelling){ .name = *name, .len = n };
	memcpy(s->raw, raw, n);
	s->name.cgi = name->key ? (struct uwsgi_str){ name->key->name, name->key->len } : (struct uwsgi_str){ "", 0 };

	pthread_mutex_lock(&insert_lock);
	for (size_t i = 0; i < PROBE_MAX && spelling_count < SPELLINGS_MAX; i++) {
		size_t slot = (hash + i) & (SLOTS - 1);
		const struct spelling *other = atomic_load_explicit(&slots[slot], memory_order_relaxed);
		if (other && other->len == n && !memcmp(other->raw, raw, n))
			break; /* another thread was first */
		if (other)
			continue;
		atomic_store_explicit(&slots[slot], s, memory_order_release);
		spelling_count++;
		s = NULL;
		break;
	}
	pthread_mutex_unlock(&insert_lock);
	free(s);
}

int http_name_find(struct uwsgi_request *req, const char *raw, size_t n, const struct http_name **name_r)
{
	const struct spelling *known;
	struct http_name *name;
	size_t hash;
	int rc;

	if (n == 0)
		return -400;
	hash = hash_of(raw, n);
	known = n <= SPELLING_MAX_LEN ? find(raw, n, hash) : NULL;
	if (known) {
		*name_r = &known->name;
		return 0;
	}
	name = uwsgi_request_alloc(req, sizeof *name + 5 + n); /* 5: HTTP_ */
	if (!name)
		return -431;
	rc = translate(raw, n, (char *)(name + 1), name);
	if (rc < 0)
		return rc;
	remember(raw, n, hash, name);
	*name_r = name;
	return 0;
}
