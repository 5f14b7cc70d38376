/* fuzz_http_chunk.c - any bytes as a chunked body: whole and in two pieces it must decode to the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct decoded {
	char *payload;
	size_t len, used;
	int rc;
};

static void feed(struct decoded *d, uint64_t state[4], const uint8_t *piece, size_t n)
{
	char *buf = malloc(n + (n == 0));
	size_t used, out;

	memcpy(buf, piece, n);
	d->rc = http_chunk_decode(state, buf, n, &used, &out);
	assert(used <= n && out <= used && (d->rc != 0 || used == n));
	memcpy(d->payload + d->len, buf, out);
	d->len += out;
	d->used += used;
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t one[4] = { 0 }, two[4] = { 0 };
	struct decoded whole = { malloc(size + 1), 0, 0, 0 }, halves = { malloc(size + 1), 0, 0, 0 };
	size_t cut = size ? data[size - 1] % size : 0;

	feed(&whole, one, data, size);
	feed(&halves, two, data, cut);
	if (halves.rc == 0)
		feed(&halves, two, data + cut, size - cut);
	assert(whole.rc == halves.rc);
	if (whole.rc >= 0) {
		assert(whole.len == halves.len && whole.used == halves.used);
		assert(memcmp(whole.payload, halves.payload, whole.len) == 0);
	}
	free(whole.payload);
	free(halves.payload);
	return 0;
}
