/* The API table: what may be registered, and what a call checks before the function runs. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "api.h"

static int echo(struct uwsgi_call *c)
{
	struct uwsgi_str key = uwsgi_arg_str(c, 0);
	if (uwsgi_arg_given(c, 1))
		uwsgi_ret_int(c, uwsgi_arg_int(c, 1));
	else
		uwsgi_ret_bytes(c, key.p, key.n);
	return 0;
}

static int accept(struct uwsgi_call *c)
{
	(void)c;
	return 0;
}

static int refuse(struct uwsgi_call *c)
{
	uwsgi_ret_bytes(c, "short", 5);
	return uwsgi_fail(c, UWSGI_EVALUE, "no %s", "way");
}

static int large(struct uwsgi_call *c)
{
	static char text[5000];
	uwsgi_ret_bytes(c, text, sizeof text);
	return 0;
}

static int twice(struct uwsgi_call *c)
{
	uwsgi_ret_float(c, 2 * uwsgi_arg_float(c, 0));
	return 0;
}

static const struct uwsgi_api_fn rows[] = {
	{ "echo", "(key: text, n: int = 5) -> any", "Echo.", echo, 0 },
	{ "refuse", "() -> bytes", "Refuse.", refuse, 0 },
	{ "large", "() -> bytes", "Large.", large, 0 },
	{ "twice", "(x: float) -> float", "Twice.", twice, 0 },
	{ "name", "(name: str = None) -> any", "Name.", accept, 0 },
	{ "here", "() -> bytes", "In a request.", large, UWSGI_FN_REQUEST },
	{ "early", "() -> bytes", "While loading.", large, UWSGI_FN_PREFORK },
	{ 0 },
};

static struct api_registry *reg;
static struct uwsgi_call call;

static void setup(void)
{
	reg = api_registry_create();
	cr_assert_eq(api_register(reg, "test", rows, sizeof *rows), 0);
}

static void teardown(void)
{
	api_registry_destroy(&reg);
}

TestSuite(api, .init = setup, .fini = teardown);

static struct uwsgi_value text(const char *s)
{
	return (struct uwsgi_value){ .type = UWSGI_T_STR, .u.s = { s, strlen(s) } };
}

static struct uwsgi_value integer(int64_t i)
{
	return (struct uwsgi_value){ .type = UWSGI_T_INT, .u.i = i };
}

static const struct uwsgi_value nothing = { .flags = UWSGI_VALUE_DEFAULT };

static int run(const char *name, struct uwsgi_value a, struct uwsgi_value b)
{
	static struct uwsgi_value args[2]; /* the call keeps them: the tests look at what became of them */
	args[0] = a;
	args[1] = b;
	return api_call(api_find(reg, name), args, NULL, false, &call);
}

Test(api, a_default_is_filled_in_and_is_not_given)
{
	cr_assert_eq(run("echo", text("k"), nothing), 0);
	cr_assert_eq(call.result.type, UWSGI_T_BYTES);
	cr_assert_eq(call.args[1].u.i, 5);
	cr_assert_eq(run("echo", text("k"), integer(9)), 0);
	cr_assert_eq(call.result.u.i, 9);
}

Test(api, a_missing_argument_is_named)
{
	cr_assert_eq(run("echo", nothing, nothing), -1);
	cr_assert_eq(call.error, UWSGI_ETYPE);
	cr_assert(strstr(call.text, "missing its argument 'key'"), "%s", call.text);
}

Test(api, a_wrong_type_is_named)
{
	cr_assert_eq(run("echo", integer(1), nothing), -1);
	cr_assert_str_eq(call.text, "echo() argument 1 (key) must be text, not int");
	cr_assert_eq(run("echo", text("k"), (struct uwsgi_value){ 0 }), -1, "None was taken for an int");
}

Test(api, none_is_taken_where_it_is_the_default)
{
	cr_assert_eq(run("name", (struct uwsgi_value){ 0 }, nothing), 0);
}

Test(api, a_str_holds_no_nul)
{
	struct uwsgi_value v = { .type = UWSGI_T_STR, .u.s = { "a\0b", 3 } };
	cr_assert_eq(run("name", v, nothing), -1);
	cr_assert_eq(call.error, UWSGI_EVALUE);
	cr_assert_eq(run("echo", v, nothing), 0, "text may hold a NUL");
}

Test(api, an_int_is_a_float_where_one_is_asked_for)
{
	cr_assert_eq(run("twice", integer(4), nothing), 0);
	cr_assert_eq(call.result.u.f, 8.0);
}

Test(api, a_failure_has_its_message_and_no_result)
{
	cr_assert_eq(run("refuse", nothing, nothing), -1);
	cr_assert_str_eq(call.text, "no way");
	cr_assert_eq(call.result.type, UWSGI_T_NONE);
}

Test(api, a_large_result_is_a_copy_to_be_cleared)
{
	cr_assert_eq(run("large", nothing, nothing), 0);
	cr_assert_eq(call.result.u.s.n, 5000);
	uwsgi_value_clear(&call.result);
}

Test(api, a_request_function_needs_a_request)
{
	cr_assert_eq(run("here", nothing, nothing), -1);
	cr_assert_eq(call.error, UWSGI_ERUNTIME);
}

Test(api, a_prefork_function_runs_only_while_loading)
{
	cr_assert_eq(run("early", nothing, nothing), -1);
	cr_assert_eq(api_call(api_find(reg, "early"), NULL, NULL, true, &call), 0);
	uwsgi_value_clear(&call.result);
}

Test(api, a_taken_name_and_a_bad_signature_are_refused)
{
	static const struct uwsgi_api_fn bad[] = { { "oops", "(a: thing) -> int", "Bad.", echo, 0 }, { 0 } };
	cr_assert_eq(api_register(reg, "other", rows, sizeof *rows), -EEXIST);
	cr_assert_eq(api_register(reg, "other", bad, sizeof *bad), -EINVAL);
	cr_assert_null(api_find(reg, "oops"));
}

Test(api, every_format_of_the_table_names_every_row)
{
	static const char *const formats[] = { NULL, "json", "pyi" };
	for (size_t i = 0; i < 3; i++) {
		char *page = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&page, &size);
		cr_assert_eq(api_print(reg, formats[i], out), 0);
		fclose(out);
		for (const struct uwsgi_api_fn *row = rows; row->name; row++)
			cr_assert(strstr(page, row->name), "%s is not in %s", row->name, page);
		free(page);
	}
	cr_assert_eq(api_print(reg, "poem", stdout), -EINVAL);
}
