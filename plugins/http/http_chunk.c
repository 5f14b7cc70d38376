/* http_chunk.c - the chunked transfer coding (RFC 9112 7.1), decoded in place and in pieces of any size.
 *
 * The framing between the data is a machine that takes one byte at a time, so that a body cut anywhere decodes the
 * same. Extensions and trailers are read past, within a budget; white space, bare CR or LF and anything else that
 * another reader might forgive is refused. */
#include "http.h"

#include <assert.h>
#include <string.h>

#include "http_char.h"

enum phase {
	SIZE_FIRST = 0, /* a new body begins here: 32 zero bytes */
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	LINE_FIRST, /* first byte of a trailer line, or of the empty line that ends the body */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
	DONE,
};

enum {
	SIZE_DIGITS_MAX = 15, /* so that a size fits 60 bits */
	OVERHEAD_MAX = 8192,  /* bytes of extensions and trailers in one body */
};

struct chunk {
	uint64_t phase;
	uint64_t left;	   /* size read so far, then bytes of data to come */
	uint64_t digits;   /* of the size */
	uint64_t overhead; /* bytes of extensions and trailers so far */
};
_Static_assert(sizeof(struct chunk) == 32, "the kernel keeps 32 bytes of state");

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(char c)
{
	return ((unsigned char)c > 0x1f && c != 0x7f) || c == '\t';
}

/* Each step takes one byte and returns the next phase, or -STATUS. */

static int step_size(struct chunk *k, char c)
{
	int digit = hex_digit(c);

	if (digit >= 0) {
		k->left = k->left << 4 | (unsigned)digit;
		return ++k->digits > SIZE_DIGITS_MAX ? -400 : SIZE;
	}
	if (k->digits == 0)
		return -400;
	if (c == '\r')
		return SIZE_LF;
	return c == ';' ? EXTENSION : -400;
}

static int step_overhead(struct chunk *k, char c, int same, int after_cr)
{
	if (++k->overhead > OVERHEAD_MAX)
		return -431;
	if (c == '\r')
		return after_cr;
	return is_text(c) ? same : -400;
}

static int step_trailer_name(struct chunk *k, char c)
{
	if (++k->overhead > OVERHEAD_MAX)
		return -431;
	if (c == ':')
		return TRAILER_VALUE;
	return http_char_is(c, HTTP_IS_TOKEN) ? TRAILER_NAME : -400;
}

static int step_line_first(struct chunk *k, char c)
{
	if (c == '\r')
		return LAST_LF;
	return c == ':' ? -400 : step_trailer_name(k, c);
}

static int step_size_lf(struct chunk *k, char c)
{
	k->digits = 0;
	if (c != '\n')
		return -400;
	return k->left > 0 ? DATA : LINE_FIRST;
}

static int step(struct chunk *k, char c)
{
	switch ((enum phase)k->phase) {
	case SIZE_FIRST:
	case SIZE:
		return step_size(k, c);
	case EXTENSION:
		return step_overhead(k, c, EXTENSION, SIZE_LF);
	case SIZE_LF:
		return step_size_lf(k, c);
	case DATA_CR:
		return c == '\r' ? DATA_LF : -400;
	case DATA_LF:
		return c == '\n' ? SIZE_FIRST : -400;
	case LINE_FIRST:
		return step_line_first(k, c);
	case TRAILER_NAME:
		return step_trailer_name(k, c);
	case TRAILER_VALUE:
		return step_overhead(k, c, TRAILER_VALUE, TRAILER_LF);
	case TRAILER_LF:
		return c == '\n' ? LINE_FIRST : -400;
	case LAST_LF:
		return c == '\n' ? DONE : -400;
	case DATA:
	case DONE:
		break;
	}
	assert(!"data and the end take no framing byte");
	return -400;
}

int http_chunk_decode(uint64_t state[4], char *buf, size_t len, size_t *used_r, size_t *out_r)
{
	struct chunk k;
	size_t at = 0, out = 0;
	int rc = 0;

	memcpy(&k, state, sizeof k);
	while (at < len && k.phase != DONE && rc >= 0) {
		if (k.phase == DATA) {
			size_t n = k.left < len - at ? (size_t)k.left : len - at;

			memmove(buf + out, buf + at, n);
			out += n;
			at += n;
			k.left -= n;
			if (k.left == 0)
				k.phase = DATA_CR;
			continue;
		}
		rc = step(&k, buf[at++]);
		if (rc >= 0)
			k.phase = (uint64_t)rc;
	}
	memcpy(state, &k, sizeof k);
	*used_r = at;
	*out_r = out;
	return rc < 0 ? rc : k.phase == DONE;
}
