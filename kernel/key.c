/* key.c - the names of request variables, each kept once.
 *
 * Languages cache an object for each name by its id, and protocols compare pointers, so a name must be the same key for
 * as long as the process lives.  Names come from the network: the table is bounded, a probe is bounded, and a name that
 * finds no room simply has no key.
 *
 * The table is process-wide by contract (it has no handle to hang from).  Readers take no lock: a slot goes from empty
 * to a finished key once, and never changes again. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/request.h>

enum {
	SLOTS = 4 * UWSGI_KEY_MAX, /* power of two; sparse, so that a probe is nearly always one step */
	PROBE_MAX = 16,
	NAME_MAX_LEN = 256,
};
_Static_assert((SLOTS & (SLOTS - 1)) == 0, "the slot of a hash is found with a mask");

static const struct uwsgi_key known_keys[UWSGI_KEY_KNOWN] = {
#define X(name) [UWSGI_KEY_##name] = { #name, sizeof #name - 1, UWSGI_KEY_##name },
	UWSGI_KNOWN_KEYS(X)
#undef X
};

static _Atomic(const struct uwsgi_key *) slots[SLOTS];
static pthread_mutex_t insert_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned key_count; /* guarded by insert_lock; 0 until the known names are in */

static uint64_t load64(const char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

/* Most names share a prefix (HTTP_), so the last bytes count as much as the first. */
static size_t hash_of(const char *name, size_t len)
{
	uint64_t h = len * 0x9e3779b97f4a7c15u;
	size_t i = 0;

	for (; i + 8 <= len; i += 8)
		h = (h ^ load64(name + i)) * 0xff51afd7ed558ccdu;
	if (len >= 8)
		h = (h ^ load64(name + len - 8)) * 0xff51afd7ed558ccdu;
	else
		for (; i < len; i++)
			h = (h ^ (unsigned char)name[i]) * 0xff51afd7ed558ccdu;
	return (size_t)(h >> 40);
}

static const struct uwsgi_key *find(const char *name, size_t len, size_t hash)
{
	for (size_t i = 0; i < PROBE_MAX; i++) {
		const struct uwsgi_key *key =
			atomic_load_explicit(&slots[(hash + i) & (SLOTS - 1)], memory_order_acquire);
		if (!key)
			return NULL;
		if (key->len == len && !memcmp(key->name, name, len))
			return key;
	}
	return NULL;
}

/* Put a finished key in the first free slot of its probe.  False: there is none. */
static bool publish(const struct uwsgi_key *key)
{
	size_t hash = hash_of(key->name, key->len);

	for (size_t i = 0; i < PROBE_MAX; i++) {
		size_t slot = (hash + i) & (SLOTS - 1);
		if (atomic_load_explicit(&slots[slot], memory_order_relaxed))
			continue;
		atomic_store_explicit(&slots[slot], key, memory_order_release);
		key_count++;
		return true;
	}
	return false;
}

static struct uwsgi_key *key_create(const char *name, size_t len, unsigned id)
{
	struct uwsgi_key *key = malloc(sizeof *key + len + 1);
	char *copy;

	if (!key)
		return NULL;
	copy = (char *)(key + 1);
	memcpy(copy, name, len);
	copy[len] = '\0';
	*key = (struct uwsgi_key){ copy, (uint16_t)len, (uint16_t)id };
	return key;
}

static const struct uwsgi_key *insert(const char *name, size_t len, size_t hash)
{
	const struct uwsgi_key *found;
	struct uwsgi_key *key;

	if (key_count == 0)
		for (unsigned id = 0; id < UWSGI_KEY_KNOWN; id++)
			publish(&known_keys[id]);
	found = find(name, len, hash); /* a known name, or another thread was first */
	if (found || key_count == UWSGI_KEY_MAX)
		return found;
	key = key_create(name, len, key_count);
	if (key && publish(key))
		return key;
	free(key);
	return NULL;
}

const struct uwsgi_key *uwsgi_key_intern(const char *name, size_t len)
{
	size_t hash;
	const struct uwsgi_key *key;

	if (len == 0 || len > NAME_MAX_LEN)
		return NULL;
	hash = hash_of(name, len);
	key = find(name, len, hash);
	if (key)
		return key;
	pthread_mutex_lock(&insert_lock);
	key = insert(name, len, hash);
	pthread_mutex_unlock(&insert_lock);
	return key;
}

const struct uwsgi_key *uwsgi_key_known(enum uwsgi_known_key id)
{
	return &known_keys[id];
}
