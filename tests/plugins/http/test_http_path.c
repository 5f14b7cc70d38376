/* test_http_path.c - PATH_INFO as uWSGI 2.0 made it, without the readings that lead out of a root. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../../plugins/http/http.h"

static const struct {
	const char *in;
	const char *out; /* NULL: refused */
} rows[] = {
	{ "/", "/" },
	{ "/a/b", "/a/b" },
	{ "/a//b", "/a//b" },
	{ "//", "//" },
	{ "/a/./b", "/a/b" },
	{ "/a/../b/./c", "/b/c" },
	{ "/a/.", "/a/" },
	{ "/a/..", "/" },
	{ "/a/b/..", "/a/" },
	{ "/..", "/" },
	{ "/../../x", "/x" },
	{ "/.", "/" },
	{ "/a//../b", "/a/b" },
	{ "/...", "/..." },
	{ "/.a/..b", "/.a/..b" },
	{ "/a%20b", "/a b" },
	{ "/a%2Fb", "/a/b" },
	{ "/a%2f..%2fb", "/b" },
	{ "/%2e%2e/x", "/x" },
	{ "/%2E/x", "/x" },
	{ "/a/%2e%2e%2f%2e%2e/b", "/b" },
	{ "/caf%C3%A9", "/caf\xc3\xa9" },
	{ "/%41%7a", "/Az" },
	{ "/a+b", "/a+b" },
	{ "/%252e", "/%2e" },
	{ "/%0d%0a", "/\r\n" },
	{ "/%00", NULL },
	{ "/a%00b", NULL },
	{ "/%", NULL },
	{ "/%4", NULL },
	{ "/%zz", NULL },
	{ "/%4g", NULL },
	{ "/%g4", NULL },
	{ "/%%34", NULL },
	{ "/%-1", NULL },
	{ "/%u0041", NULL },
};

static int decode(const char *in, size_t n, char *out)
{
	char *exact = malloc(n), *exact_out = malloc(n);
	int len;

	memcpy(exact, in, n);
	len = http_path_decode(exact, n, exact_out);
	if (len > 0)
		memcpy(out, exact_out, (size_t)len);
	free(exact);
	free(exact_out);
	return len;
}

Test(http_path, is_decoded_and_resolved_or_refused)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char out[64];
		int len = decode(rows[i].in, strlen(rows[i].in), out);

		if (!rows[i].out) {
			cr_assert_eq(len, -400, "%s was accepted", rows[i].in);
			continue;
		}
		cr_assert_eq(len, (int)strlen(rows[i].out), "%s became %.*s", rows[i].in, len > 0 ? len : 0, out);
		cr_assert_eq(memcmp(out, rows[i].out, (size_t)len), 0, "%s became %.*s", rows[i].in, len, out);
	}
}

/* All paths of up to seven characters over the alphabet that matters. */
Test(http_path, never_leaves_the_root_and_never_grows)
{
	static const char alphabet[] = "/.%2ef";
	enum { LETTERS = sizeof alphabet - 1, LENGTH = 7 };
	unsigned long total = 1;

	for (int i = 0; i < LENGTH; i++)
		total *= LETTERS;
	for (unsigned long number = 0; number < total; number++) {
		char path[LENGTH + 1] = "/", out[LENGTH + 1], *at;
		unsigned long rest = number;
		int len;

		for (int i = 1; i <= LENGTH; i++, rest /= LETTERS)
			path[i] = alphabet[rest % LETTERS];
		len = http_path_decode(path, LENGTH + 1, out);
		if (len < 0)
			continue;
		cr_assert(len >= 1 && len <= LENGTH + 1 && out[0] == '/');
		for (at = out; at; at = memchr(at + 1, '/', (size_t)(out + len - at - 1))) {
			size_t left = (size_t)(out + len - at);
			cr_assert_not((left == 3 || (left > 3 && at[3] == '/')) && !memcmp(at, "/..", 3), "%.8s", path);
			cr_assert_not((left == 2 || (left > 2 && at[2] == '/')) && !memcmp(at, "/.", 2), "%.8s", path);
		}
	}
}
