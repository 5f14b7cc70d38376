/* Ids of requests: whose are kept, what new ones look like, and where they show. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../double/serve_double.h"
#include "request_id.h"

static struct serve_double d;

static struct uwsgi_str str(const char *s)
{
	return (struct uwsgi_str){ s, strlen(s) };
}

static void begin(void)
{
	serve_double_init(&d);
	cr_assert_eq(request_id_init(&d.serve.ids, "X-Request-ID"), 0);
}

TestSuite(request_id, .init = begin, .timeout = 30);

static void sent(const char *id)
{
	serve_double_begin(&d);
	uwsgi_request_add_var(d.req, NULL, str("HTTP_X_REQUEST_ID"), str(id));
	request_id_give(&d.serve.ids, &d.core.req);
}

static bool is(struct uwsgi_str s, const char *text)
{
	return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

Test(request_id, is_of_the_reference_hash)
{
	/* the vector of eight bytes 00..07 in the paper's reference code, keyed 00..0f */
	const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
	char id[REQUEST_ID_NEW];
	/* number << 1 is the message: 0x0706050403020100 */
	request_id_make(key, 0x0706050403020100u >> 1, id);
	/* 0x93f5f5799a932462, lowest digit first */
	cr_assert(!memcmp(id, "264239a9975f5f39", 16), "%.*s", REQUEST_ID_NEW, id);
}

Test(request_id, keeps_a_sane_one_and_replaces_the_rest)
{
	static const char *const good[] = { "a", "AZaz09.-_", "f47ac10b-58cc-4372-a567-0e02b2c3d479" };
	static const char *const bad[] = { "", "a b", "a\nb", "a\"b", "\xc3\xa9", "a:b", "<x>" };
	char long_one[REQUEST_ID_MAX + 2];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		sent(good[i]);
		cr_expect(is(d.core.req.id, good[i]), "%s", good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		sent(bad[i]);
		cr_expect(d.core.req.id.n == REQUEST_ID_NEW && request_id_is_sane(d.core.req.id), "%s", bad[i]);
		cr_expect(is(uwsgi_request_var(d.req, "HTTP_X_REQUEST_ID", 17), bad[i]), "what came stays");
	}
	memset(long_one, 'x', sizeof long_one);
	cr_expect(request_id_is_sane((struct uwsgi_str){ long_one, REQUEST_ID_MAX }));
	cr_expect(!request_id_is_sane((struct uwsgi_str){ long_one, REQUEST_ID_MAX + 1 }));
}

Test(request_id, never_gives_one_twice)
{
	char ids[1000][REQUEST_ID_NEW];
	for (int i = 0; i < 1000; i++) {
		serve_double_begin(&d);
		request_id_give(&d.serve.ids, &d.core.req);
		cr_assert_eq(d.core.req.id.n, REQUEST_ID_NEW);
		memcpy(ids[i], d.core.req.id.p, REQUEST_ID_NEW);
		for (int j = 0; j < i; j++)
			cr_assert(memcmp(ids[i], ids[j], REQUEST_ID_NEW));
	}
}

Test(request_id, differs_from_that_of_another_worker)
{
	struct request_ids other;
	char one[REQUEST_ID_NEW], two[REQUEST_ID_NEW];
	cr_assert_eq(request_id_init(&other, "X-Request-ID"), 0);
	request_id_make(d.serve.ids.key, 1, one);
	request_id_make(other.key, 1, two);
	cr_assert(memcmp(one, two, REQUEST_ID_NEW));
}

Test(request_id, is_a_variable_even_when_the_client_used_up_all_of_them)
{
	serve_double_begin(&d);
	for (int i = 0; i < d.settings.max_vars; i++)
		cr_assert_eq(uwsgi_request_add_var(d.req, NULL, str("X"), str("y")), 0);
	request_id_give(&d.serve.ids, &d.core.req);
	struct uwsgi_str id = uwsgi_request_var(d.req, "UWSGI_REQUEST_ID", 16);
	cr_assert(id.n == REQUEST_ID_NEW && !memcmp(id.p, d.core.req.id.p, id.n));
	cr_assert_eq(uwsgi_request_add_var(d.req, NULL, str("X"), str("y")), -E2BIG);
}

Test(request_id, is_a_header_of_the_response)
{
	sent("abc");
	uwsgi_response_status(d.req, "200 OK", 6);
	cr_assert_eq(uwsgi_response_header(d.req, "x-request-id", 12, "mine", 4), 0);
	uwsgi_response_body(d.req, NULL, 0);
	const char *got = serve_double_got(&d);
	cr_assert(strstr(got, "\r\nX-Request-ID: abc\r\n"));
	cr_assert(!strstr(got, "mine"), "it is there once");
}

Test(request_id, refuses_a_header_name_without_end)
{
	struct request_ids ids;
	char name[HEADER_NAME_MAX + 2] = { 0 };
	memset(name, 'x', sizeof name - 1);
	cr_assert_eq(request_id_init(&ids, name), -E2BIG);
	cr_assert_eq(request_id_init(&ids, NULL), 0);
	cr_assert_eq(ids.header.n, 0);
}
