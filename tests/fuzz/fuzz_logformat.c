/* fuzz_logformat.c - any template over any request: one line, of the right size, without a byte that could end or forge
 * another.  The input is the template, a zero byte, and what the client sent. */
#include "logformat.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct uwsgi_str sent; /* every variable has this value */

struct uwsgi_str uwsgi_request_known(const struct uwsgi_request *req, enum uwsgi_known_key id)
{
	(void)req;
	(void)id;
	return sent;
}

struct uwsgi_str uwsgi_request_var(const struct uwsgi_request *req, const char *name, size_t len)
{
	(void)req;
	(void)name;
	(void)len;
	return sent;
}

struct uwsgi_str uwsgi_request_logvar(const struct uwsgi_request *req, struct uwsgi_str key)
{
	(void)req;
	(void)key;
	return sent;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uwsgi_request req = { .started_us = 1795272763123456u, .status = 200, .remote_addr = { "::1", 3 } };
	struct logline line;
	char *template = calloc(1, size + 1);
	const uint8_t *zero = memchr(data, 0, size);
	size_t len = zero ? (size_t)(zero - data) : size;
	memcpy(template, data, len);
	sent = (struct uwsgi_str){ zero ? (const char *)zero + 1 : NULL, zero ? size - len - 1 : 0 };
	struct settings settings = { .logformat_strftime = len & 1 };
	struct logformat *format = logformat_compile(template, &settings);
	const struct logfacts facts = { .req = &req, .settings = &settings, .request_id = sent };
	assert(format);
	line.len = 0;
	logformat_render(format, &line, &facts);
	assert(line.len && line.len <= LOGLINE_MAX && line.text[line.len - 1] == '\n');
	for (size_t i = 0; i + 1 < line.len; i++) /* but what the template itself holds */
		assert((unsigned char)line.text[i] >= ' ' || memchr(template, line.text[i], len));
	logformat_destroy(&format);
	free(template);
	return 0;
}
