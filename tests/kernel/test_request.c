/* A request's variables and memory: found again, bounded, and forgotten by the next one. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "../double/serve_double.h"

static struct serve_double d;

static void begin(void)
{
	serve_double_init(&d);
}

TestSuite(request, .init = begin);

#define STR(literal) ((struct uwsgi_str){ literal, sizeof literal - 1 })

static bool is(struct uwsgi_str s, const char *text)
{
	return s.p && s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

static int add(const char *name, const char *value)
{
	const struct uwsgi_key *key = uwsgi_key_intern(name, strlen(name));
	return uwsgi_request_add_var(d.req, key, (struct uwsgi_str){ name, strlen(name) },
				     (struct uwsgi_str){ value, strlen(value) });
}

static struct uwsgi_str var(const char *name)
{
	return uwsgi_request_var(d.req, name, strlen(name));
}

/* ---- variables ---- */

Test(request, finds_its_variables_by_name_and_by_key)
{
	cr_assert_eq(add("REQUEST_METHOD", "GET"), 0);
	cr_assert_eq(add("HTTP_X_ODD", ""), 0);
	cr_assert(is(var("REQUEST_METHOD"), "GET"));
	cr_assert(is(uwsgi_request_known(d.req, UWSGI_KEY_REQUEST_METHOD), "GET"));
	cr_assert(is(var("HTTP_X_ODD"), ""));
	cr_assert_null(var("HTTP_X_OD").p);
	cr_assert_null(uwsgi_request_known(d.req, UWSGI_KEY_HTTP_HOST).p);
}

Test(request, lets_the_later_of_two_win)
{
	add("HTTP_HOST", "one");
	add("HTTP_HOST", "two");
	add("HTTP_X", "one");
	add("HTTP_X", "two");
	cr_assert(is(var("HTTP_HOST"), "two"));
	cr_assert(is(uwsgi_request_known(d.req, UWSGI_KEY_HTTP_HOST), "two"));
	cr_assert(is(var("HTTP_X"), "two"));
}

Test(request, takes_a_name_without_a_key)
{
	cr_assert_eq(uwsgi_request_add_var(d.req, NULL, STR("HTTP_RARE"), STR("yes")), 0);
	cr_assert(is(var("HTTP_RARE"), "yes"));
}

Test(request, has_no_more_variables_than_the_settings_allow)
{
	for (int i = 0; i < 8; i++)
		cr_assert_eq(add("HTTP_X", "1"), 0);
	cr_assert_eq(add("HTTP_HOST", "no"), -E2BIG);
	cr_assert_eq(d.req->nvars, 8);
	cr_assert_null(uwsgi_request_known(d.req, UWSGI_KEY_HTTP_HOST).p);
}

Test(request, falls_back_to_the_variables_of_its_socket)
{
	static const struct uwsgi_var vars[] = { { NULL, { "SERVER_NAME", 11 }, { "here", 4 } } };
	d.socket.vars = vars;
	d.socket.nvars = 1;
	cr_assert(is(var("SERVER_NAME"), "here"));
	cr_assert(is(uwsgi_request_known(d.req, UWSGI_KEY_SERVER_NAME), "here"));
	add("SERVER_NAME", "there");
	cr_assert(is(var("SERVER_NAME"), "there"));
	cr_assert(is(uwsgi_request_known(d.req, UWSGI_KEY_SERVER_NAME), "there"));
}

Test(request, forgets_everything_for_the_next_one)
{
	add("HTTP_HOST", "one");
	uwsgi_request_alloc(d.req, 100);
	uwsgi_request_set_logvar(d.req, STR("k"), STR("v"));
	uwsgi_request_log(d.req);
	d.req->status = 200;
	d.conn->port = 4711;
	memcpy(d.conn->addr, "10.0.0.1", d.conn->addr_len = 8);
	serve_double_begin(&d);
	cr_assert_eq(d.req->nvars, 0);
	cr_assert_null(var("HTTP_HOST").p);
	cr_assert_null(uwsgi_request_known(d.req, UWSGI_KEY_HTTP_HOST).p);
	cr_assert_null(uwsgi_request_logvar(d.req, STR("k")).p);
	cr_assert_eq(d.core.req.arena_used, 0);
	cr_assert_eq(d.core.req.log_always, false);
	cr_assert_eq(d.req->status, 0);
	cr_assert(is(d.req->remote_addr, "10.0.0.1"));
	cr_assert_eq(d.req->remote_port, 4711);
	cr_assert_eq(d.req->protocol, &d.protocol);
}

/* ---- memory ---- */

Test(request, gives_aligned_memory_until_there_is_none)
{
	size_t total = 0;
	char *last = NULL;
	for (size_t size = 1; size < 100000; size = size % 97 + 1) {
		char *p = uwsgi_request_alloc(d.req, size);
		if (!p)
			break;
		cr_assert_eq((uintptr_t)p % 8, 0);
		cr_assert(!last || p >= last);
		memset(p, 0xff, size);
		last = p + size;
		total += size;
	}
	cr_assert_gt(total, (size_t)d.settings.buffer_size);
	cr_assert_leq(total, d.core.req.arena_cap);
	cr_assert_leq(last, d.core.req.arena + d.core.req.arena_cap);
}

Test(request, gives_all_of_its_memory_or_nothing)
{
	cr_assert_null(uwsgi_request_alloc(d.req, SIZE_MAX));
	cr_assert_null(uwsgi_request_alloc(d.req, d.core.req.arena_cap + 1));
	cr_assert_not_null(uwsgi_request_alloc(d.req, d.core.req.arena_cap));
	cr_assert_not_null(uwsgi_request_alloc(d.req, 0));
	cr_assert_null(uwsgi_request_alloc(d.req, 1));
}

/* ---- the current one ---- */

Test(request, is_current_while_it_runs)
{
	cr_assert_null(uwsgi_request_current());
	request_set_current(&d.core.req);
	cr_assert_eq(uwsgi_request_current(), d.req);
	request_set_current(NULL);
	cr_assert_null(uwsgi_request_current());
}

/* ---- log variables ---- */

Test(request, keeps_copies_of_its_log_variables)
{
	char key[] = "user", value[] = "joe";
	cr_assert_eq(uwsgi_request_set_logvar(d.req, (struct uwsgi_str){ key, 4 }, (struct uwsgi_str){ value, 3 }), 0);
	key[0] = value[0] = '?';
	cr_assert(is(uwsgi_request_logvar(d.req, STR("user")), "joe"));
	cr_assert_null(uwsgi_request_logvar(d.req, STR("use")).p);
	cr_assert_eq(uwsgi_request_set_logvar(d.req, STR("user"), STR("ann")), 0);
	cr_assert(is(uwsgi_request_logvar(d.req, STR("user")), "ann"));
	cr_assert_eq(d.core.req.logvar_count, 1);
}

Test(request, bounds_its_log_variables)
{
	static char text[LOGVAR_MAX];
	struct uwsgi_str fits = { text, LOGVAR_MAX - 1 }, long_one = { text, LOGVAR_MAX };
	memset(text, 'x', sizeof text);
	cr_assert_eq(uwsgi_request_set_logvar(d.req, fits, fits), 0);
	cr_assert_eq(uwsgi_request_logvar(d.req, fits).n, LOGVAR_MAX - 1);
	cr_assert_eq(uwsgi_request_set_logvar(d.req, long_one, fits), -E2BIG);
	cr_assert_eq(uwsgi_request_set_logvar(d.req, fits, long_one), -E2BIG);
	for (size_t i = 1; i < LOGVARS_MAX; i++)
		cr_assert_eq(uwsgi_request_set_logvar(d.req, (struct uwsgi_str){ text, i }, fits), 0);
	cr_assert_eq(uwsgi_request_set_logvar(d.req, (struct uwsgi_str){ text, LOGVARS_MAX }, fits), -E2BIG);
	cr_assert_eq(uwsgi_request_set_logvar(d.req, fits, STR("again")), 0);
}
