/* Neutral values: they keep what was put in, and elements stay where they are. */
#include <criterion/criterion.h>
#include <string.h>

#include "value.h"

Test(value, keeps_scalars_and_text)
{
	struct uwsgi_value *list = uwsgi_value_new_list();
	uwsgi_add_int(list, NULL, -7);
	uwsgi_add_bool(list, NULL, true);
	uwsgi_add_float(list, NULL, 2.5);
	uwsgi_add_bytes(list, NULL, "a\0b", 3);
	uwsgi_add_none(list, NULL);
	cr_assert_eq(uwsgi_value_len(list), 5);
	cr_assert_eq(uwsgi_value_int(uwsgi_value_at(list, 0)), -7);
	cr_assert_eq(uwsgi_value_type(uwsgi_value_at(list, 1)), UWSGI_T_BOOL);
	cr_assert_eq(uwsgi_value_float(uwsgi_value_at(list, 2)), 2.5);
	cr_assert_eq(uwsgi_value_str(uwsgi_value_at(list, 3)).n, 3);
	cr_assert_eq(uwsgi_value_type(uwsgi_value_at(list, 4)), UWSGI_T_NONE);
	uwsgi_value_free(list);
}

Test(value, elements_stay_where_they_are_while_the_list_grows)
{
	struct uwsgi_value *list = uwsgi_value_new_list();
	struct uwsgi_value *first = uwsgi_add_map(list, NULL);
	for (int i = 0; i < 1000; i++)
		uwsgi_add_int(list, NULL, i);
	cr_assert_not_null(uwsgi_add_str(first, "name", "x", 1));
	cr_assert_eq(uwsgi_value_at(list, 0), first);
	cr_assert_str_eq(uwsgi_value_str(uwsgi_value_key_at(first, 0)).p, "name");
	cr_assert_str_eq(uwsgi_value_str(uwsgi_value_at(first, 0)).p, "x");
	uwsgi_value_free(list);
}

Test(value, asking_the_wrong_type_answers_nothing)
{
	struct uwsgi_value v = { .type = UWSGI_T_INT, .u.i = 3 };
	cr_assert_null(uwsgi_value_str(&v).p);
	cr_assert_eq(uwsgi_value_len(&v), 0);
}

Test(value, adding_to_nothing_adds_nothing)
{
	cr_assert_null(uwsgi_add_int(NULL, NULL, 1));
}

Test(value, clearing_makes_it_none)
{
	struct uwsgi_value v = { 0 };
	cr_assert_eq(uwsgi_value_set_text(&v, UWSGI_T_STR, "hello", 5), 0);
	uwsgi_value_clear(&v);
	cr_assert_eq(v.type, UWSGI_T_NONE);
}
