/* request_id.c - see request_id.h; the hash is that of Aumasson and Bernstein, "SipHash: a fast short-input PRF". */
#include "request_id.h"

#include "request.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-2-4 of the eight bytes of `number`. */
static uint64_t siphash(const uint64_t key[2], uint64_t number)
{
	const uint64_t last = (uint64_t)8 << 56; /* the length, in the block that ends the message */
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
			  key[1] ^ 0x7465646279746573u };
	const uint64_t blocks[2] = { number, last };
	for (int i = 0; i < 2; i++) {
		v[3] ^= blocks[i];
		sip_round(v);
		sip_round(v);
		v[0] ^= blocks[i];
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* "X-Request-ID" is HTTP_X_REQUEST_ID among the variables. */
static int variable_name(struct request_ids *ids, const char *header)
{
	size_t n = strlen(header);
	if (n + 5 >= sizeof ids->variable)
		return -E2BIG;
	memcpy(ids->variable, "HTTP_", 5);
	for (size_t i = 0; i < n; i++)
		ids->variable[5 + i] = header[i] == '-' ? '_' : (char)toupper((unsigned char)header[i]);
	ids->variable_len = n + 5;
	return 0;
}

int request_id_init(struct request_ids *ids, const char *header)
{
	memset(ids, 0, sizeof *ids);
	if (!header)
		return 0;
	ids->header = (struct uwsgi_str){ header, strlen(header) };
	if (getrandom(ids->key, sizeof ids->key, 0) != sizeof ids->key)
		return -errno;
	return variable_name(ids, header);
}

bool request_id_is_sane(struct uwsgi_str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!isalnum((unsigned char)id.p[i]) && id.p[i] != '.' && id.p[i] != '_' && id.p[i] != '-')
			return false;
	return id.n && id.n <= REQUEST_ID_MAX;
}

void request_id_make(const uint64_t key[2], uint64_t number, char id_r[REQUEST_ID_NEW])
{
	static const char digits[] = "0123456789abcdef";
	for (unsigned half = 0; half < 2; half++) {
		uint64_t hash = siphash(key, number << 1 | half);
		for (int i = 0; i < 16; i++, hash >>= 4)
			*id_r++ = digits[hash & 15];
	}
}

void request_id_give(const struct request_ids *ids, struct request *req)
{
	static const char name[] = "UWSGI_REQUEST_ID";
	struct core *core = req->core;
	struct uwsgi_str id = uwsgi_request_var(&req->pub, ids->variable, ids->variable_len);
	if (!request_id_is_sane(id)) {
		char *made = uwsgi_request_alloc(&req->pub, REQUEST_ID_NEW);
		if (!made)
			return;
		/* each core counts for itself */
		request_id_make(ids->key, (uint64_t)core->index << 48 | ++core->ids_made, made);
		id = (struct uwsgi_str){ made, REQUEST_ID_NEW };
	}
	req->id = id;
	request_add_own_var(&req->pub, (struct uwsgi_str){ name, sizeof name - 1 }, id);
}
