/* Services: found by name and version, and only when the table is as large as its caller needs. */
#include <criterion/criterion.h>
#include <errno.h>

#include "service.h"

static const struct ops {
	int (*get)(void);
	int (*set)(void);
} ops;

static const struct uwsgi_service rows[] = { { "store/1", &ops, sizeof ops }, { "store/2", &ops, 4 }, { 0 } };

static struct service_registry *with(const struct uwsgi_service *table)
{
	const char *taken = NULL;
	struct service_registry *services = service_registry_create();
	cr_assert_eq(service_register(services, table, sizeof *table, &taken), 0);
	return services;
}

Test(service, is_found_when_it_has_what_the_caller_needs)
{
	struct service_registry *services = with(rows);
	static const struct {
		const char *name;
		size_t want;
		const void *found;
	} table[] = {
		{ "store/1", sizeof ops, &ops },
		{ "store/1", sizeof(void *), &ops },
		{ "store/1", 0, &ops },
		{ "store/1", sizeof ops + 1, NULL },
		{ "store/2", sizeof ops, NULL },
		{ "store/2", 4, &ops },
		{ "store/3", 0, NULL },
		{ "store", 0, NULL },
		{ "", 0, NULL },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		cr_expect_eq(service_get(services, table[i].name, table[i].want), table[i].found, "row %zu", i);
}

Test(service, has_one_provider_and_registers_all_of_a_table_or_nothing)
{
	struct service_registry *services = with(rows);
	static const struct uwsgi_service others[] = { { "queue/1", &ops, 1 }, { "store/1", &ops, 1 }, { 0 } };
	const char *taken = NULL;
	cr_assert_eq(service_register(services, others, sizeof *others, &taken), -EEXIST);
	cr_assert_str_eq(taken, "store/1");
	cr_assert_null(service_get(services, "queue/1", 0));
	cr_assert_eq(service_get(services, "store/1", sizeof ops), &ops);
}

Test(service, refuses_a_table_that_names_one_twice)
{
	struct service_registry *services = service_registry_create();
	static const struct uwsgi_service twice[] = { { "queue/1", &ops, 1 }, { "queue/1", &ops, 1 }, { 0 } };
	const char *taken = NULL;
	cr_assert_eq(service_register(services, twice, sizeof *twice, &taken), -EEXIST);
	cr_assert_null(service_get(services, "queue/1", 0));
}

Test(service, reads_rows_of_another_size)
{
	static const struct {
		struct uwsgi_service row;
		long later;
	} larger[] = { { { "a/1", &ops, 1 }, 9 }, { { "b/1", &ops, 1 }, 9 }, { { 0 }, 0 } };
	struct service_registry *services = service_registry_create();
	const char *taken = NULL;
	cr_assert_eq(service_register(services, &larger[0].row, sizeof *larger, &taken), 0);
	cr_assert_not_null(service_get(services, "a/1", 1));
	cr_assert_not_null(service_get(services, "b/1", 1));
}
