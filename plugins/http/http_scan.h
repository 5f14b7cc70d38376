/* http_scan.h - find the byte that ends something, sixteen at a time where the processor can.
 *
 * Both functions look at [at, end) only and return `end` when nothing was found. */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline const char *http_scan_colon(const char *at, const char *end)
{
#ifdef __SSE2__
	const __m128i colon = _mm_set1_epi8(':');

	for (; end - at >= 16; at += 16) {
		__m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
		int hits = _mm_movemask_epi8(_mm_cmpeq_epi8(block, colon));
		if (hits)
			return at + __builtin_ctz((unsigned)hits);
	}
#endif
	while (at < end && *at != ':')
		at++;
	return at;
}

/* The first byte that may not be in a field value: a control byte other than TAB. */
static inline const char *http_scan_text(const char *at, const char *end)
{
#ifdef __SSE2__
	const __m128i last_control = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t'), del = _mm_set1_epi8(0x7f);

	for (; end - at >= 16; at += 16) {
		__m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
		/* unsigned block <= 0x1f, as the minimum of both is then the block itself */
		__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
		__m128i bad =
			_mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(block, tab), control), _mm_cmpeq_epi8(block, del));
		int hits = _mm_movemask_epi8(bad);
		if (hits)
			return at + __builtin_ctz((unsigned)hits);
	}
#endif
	while (at < end && (((unsigned char)*at > 0x1f && *at != 0x7f) || *at == '\t'))
		at++;
	return at;
}

#endif
