/* fuzz_uwsgi_packet.c - any bytes as a uwsgi packet: nothing outside it is read, every variable lies within it. */
#include "proto_uwsgi.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../double/request_double.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct request_double d;
	size_t seen = 0;
	char *buf = malloc(size + (size == 0));
	int rc;

	memcpy(buf, data, size);
	request_double_init(&d);
	rc = proto_uwsgi.parse(&d.req, buf, size, &seen);
	assert(rc <= (int)size && (rc >= 0 || rc == -400 || rc == -413 || rc == -431));
	if (rc > 0) {
		assert((size_t)rc == 4 + ((size_t)data[1] | (size_t)data[2] << 8));
		assert(d.req.content_length >= 0);
		assert((d.req.body == UWSGI_BODY_LENGTH) == (d.req.content_length > 0));
		for (unsigned i = 0; i < d.req.nvars; i++)
			assert(d.req.vars[i].name.p > buf && d.req.vars[i].value.p + d.req.vars[i].value.n <= buf + rc);
	}
	request_double_fini(&d);
	free(buf);
	return 0;
}
