/* fuzz_encoder.c - any template over any line, as JSON and as text: it stays within its room, and between two quotes of
 * a JSON template no line can put a third. */
#include "encoder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const char *name, const char *arg, struct uwsgi_str text, size_t room)
{
	struct record record = { .text = text, .request_id = { "id", 2 }, .now_us = 1795272763123456u };
	struct encoder *e = encoder_create(name, arg);
	char *out = malloc(room);
	assert(e);
	encoder_run(e, &record, out, room);
	assert(record.text.n <= room);
	encoder_destroy(&e);
	free(out);
}

static void check_escape(struct uwsgi_str text)
{
	char *out = malloc(6 * text.n + 1);
	size_t n = json_escape(out, 6 * text.n + 1, text);
	for (size_t i = 0; i < n; i++) {
		assert((unsigned char)out[i] >= ' ' && out[i] != '"');
		if (out[i] == '\\')
			assert(++i < n);
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "json", "format", "prefix", "suffix", "nl" };
	const uint8_t *zero = memchr(data, 0, size);
	size_t len = zero ? (size_t)(zero - data) : 0;
	char *template = strndup((const char *)data, len);
	struct uwsgi_str text = { (const char *)data + len, size - len };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		run(names[i], template, text, len + 256 + 64 * (size % 7));
	check_escape(text);
	free(template);
	return 0;
}
