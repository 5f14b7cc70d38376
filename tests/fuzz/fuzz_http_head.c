/* fuzz_http_head.c - any bytes as a request head: nothing outside the buffer is read, and whatever is accepted keeps
 * the promises the kernel builds on. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/http/http.h"
#include "../double/request_double.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct uwsgi_request *req, const char *buf, int head)
{
	assert(memcmp(buf + head - 4, "\r\n\r\n", 4) == 0);
	assert(memchr(buf, '\0', (size_t)head) == NULL);
	assert(req->http_version == 10 || req->http_version == 11);
	assert((req->body == UWSGI_BODY_CHUNKED) == (req->content_length == -1));
	assert((req->body == UWSGI_BODY_LENGTH) == (req->content_length > 0));
	assert(req->known[UWSGI_KEY_REQUEST_METHOD] == 1);
	assert(req->http_version == 10 || req->known[UWSGI_KEY_HTTP_HOST]);
	for (unsigned i = 0; i < req->nvars; i++)
		for (size_t k = 0; k < req->vars[i].value.n; k++)
			assert(req->vars[i].value.p[k] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct request_double d;
	size_t seen = 0, cut = size ? data[0] % size : 0;
	char *buf = malloc(size + (size == 0));
	int rc;

	memcpy(buf, data, size);
	request_double_init(&d);
	rc = http_parse(&d.req, buf, cut, &seen);
	assert(seen <= cut && rc <= (int)cut);
	if (rc == 0)
		rc = http_parse(&d.req, buf, size, &seen);
	assert(rc <= (int)size && (rc >= 0 || (rc <= -400 && rc >= -505)));
	if (rc > 0)
		check(&d.req, buf, rc);
	request_double_fini(&d);
	free(buf);
	return 0;
}
