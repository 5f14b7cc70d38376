/* test_key.c - names are one object each, whoever asks first. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <uwsgi/request.h>

Test(key, known_names_have_their_fixed_ids)
{
	const struct uwsgi_key *key = uwsgi_key_intern("REQUEST_METHOD", 14);

	cr_assert_eq(key, uwsgi_key_known(UWSGI_KEY_REQUEST_METHOD));
	cr_assert_eq(key->id, UWSGI_KEY_REQUEST_METHOD);
	for (unsigned id = 0; id < UWSGI_KEY_KNOWN; id++) {
		key = uwsgi_key_known(id);
		cr_assert_eq(key->len, strlen(key->name));
		cr_assert_eq(uwsgi_key_intern(key->name, key->len), key, "%s", key->name);
	}
}

Test(key, a_name_is_the_same_object_every_time)
{
	char name[] = "HTTP_X_REQUEST_ID";
	const struct uwsgi_key *key = uwsgi_key_intern(name, strlen(name));

	cr_assert_not_null(key);
	cr_assert_geq(key->id, UWSGI_KEY_KNOWN);
	cr_assert_str_eq(key->name, "HTTP_X_REQUEST_ID");
	name[5] = 'Y'; /* the key has its own copy */
	cr_assert_str_eq(key->name, "HTTP_X_REQUEST_ID");
	cr_assert_neq(uwsgi_key_intern(name, strlen(name)), key);
	name[5] = 'X';
	cr_assert_eq(uwsgi_key_intern(name, strlen(name)), key);
}

Test(key, a_prefix_is_another_name)
{
	cr_assert_neq(uwsgi_key_intern("HTTP_AB", 6), uwsgi_key_intern("HTTP_AB", 7));
}

Test(key, empty_and_very_long_names_have_no_key)
{
	char name[300];

	memset(name, 'A', sizeof name);
	cr_assert_null(uwsgi_key_intern("", 0));
	cr_assert_null(uwsgi_key_intern(name, sizeof name));
	cr_assert_not_null(uwsgi_key_intern(name, 256));
}

Test(key, a_flood_of_names_ends_at_the_bound_and_known_names_stay)
{
	unsigned with_key = 0;
	char name[32];

	for (int i = 0; i < 5000; i++) {
		const struct uwsgi_key *key = uwsgi_key_intern(name, (size_t)sprintf(name, "HTTP_FLOOD_%d", i));
		if (!key)
			continue;
		cr_assert_lt(key->id, UWSGI_KEY_MAX);
		with_key++;
	}
	cr_assert_leq(with_key, UWSGI_KEY_MAX - UWSGI_KEY_KNOWN);
	cr_assert_gt(with_key, UWSGI_KEY_MAX / 2);
	cr_assert_eq(uwsgi_key_intern("HTTP_HOST", 9), uwsgi_key_known(UWSGI_KEY_HTTP_HOST));
	cr_assert_not_null(uwsgi_key_intern("HTTP_FLOOD_0", 12));
}

enum { THREADS = 4, NAMES = 500 };

static void *intern_all(void *data)
{
	const struct uwsgi_key **keys = data;
	char name[32];

	for (int i = 0; i < NAMES; i++)
		keys[i] = uwsgi_key_intern(name, (size_t)sprintf(name, "HTTP_SHARED_%d", i));
	return NULL;
}

Test(key, threads_that_race_for_a_name_get_one_object)
{
	static const struct uwsgi_key *keys[THREADS][NAMES];
	pthread_t threads[THREADS];

	for (int t = 0; t < THREADS; t++)
		cr_assert_eq(pthread_create(&threads[t], NULL, intern_all, keys[t]), 0);
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	for (int t = 1; t < THREADS; t++)
		for (int i = 0; i < NAMES; i++)
			cr_assert_eq(keys[t][i], keys[0][i]);
}
