/* Targets, queues and counters of the signal bus, without a server. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "handover.h"
#include "signal_bus.h"

static const struct signal_kind kinds[] = { { "worker", "", 3 }, { "mule", "", 2 }, { "spooler", "", 0 } };

Test(signal_bus, reads_every_form_of_a_target)
{
	static const struct {
		const char *text;
		struct signal_target is;
	} rows[] = {
		{ "", { SIGNAL_ANY, 0, 0 } },
		{ "worker", { SIGNAL_ANY, 0, 0 } },
		{ "worker0", { SIGNAL_ANY, 0, 0 } },
		{ "workers", { SIGNAL_EACH, 0, 0 } },
		{ "active-workers", { SIGNAL_EACH, 0, 0 } },
		{ "worker3", { SIGNAL_ONE, 0, 3 } },
		{ "worker4", { SIGNAL_NOBODY, 0, 0 } },
		{ "mule", { SIGNAL_ANY, 1, 0 } },
		{ "mule0", { SIGNAL_ANY, 1, 0 } },
		{ "mules", { SIGNAL_EACH, 1, 0 } },
		{ "mule2", { SIGNAL_ONE, 1, 2 } },
		{ "spooler", { SIGNAL_ANY, 2, 0 } },
		{ "cluster", { SIGNAL_NOBODY, 0, 0 } },
		{ "subscribed", { SIGNAL_NOBODY, 0, 0 } },
		{ "worker-1", { SIGNAL_NOBODY, 0, 0 } },
		{ "worker2x", { SIGNAL_NOBODY, 0, 0 } },
		{ "worker99999999999", { SIGNAL_NOBODY, 0, 0 } },
		{ "wor", { SIGNAL_NOBODY, 0, 0 } },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct signal_target got = signal_target_parse(rows[i].text, kinds, 3);
		cr_expect_eq(got.scope, rows[i].is.scope, "\"%s\"", rows[i].text);
		cr_expect_eq(got.kind, rows[i].is.kind, "\"%s\"", rows[i].text);
		cr_expect_eq(got.number, rows[i].is.number, "\"%s\"", rows[i].text);
	}
}

Test(signal_bus, knows_groups_by_their_whole_name_only)
{
	static const struct signal_kind farms[] = {
		{ "worker", "", 3 },
		{ "mule", "", 12 },
		{ "farm_a", "farm1", .is_group = true },
		{ "farm_b", .is_group = true },
	};
	cr_expect_eq(signal_target_parse("farm_a", farms, 4).kind, 2);
	cr_expect_eq(signal_target_parse("farm_a", farms, 4).scope, SIGNAL_ANY);
	cr_expect_eq(signal_target_parse("farm1", farms, 4).kind, 2);
	cr_expect_eq(signal_target_parse("farm_b", farms, 4).kind, 3);
	static const char *const strangers[] = { "active-", "farm_c", "farm_as", "farm_a1", "farm12", "farm0", "farm" };
	for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
		cr_expect_eq(signal_target_parse(strangers[i], farms, 4).scope, SIGNAL_NOBODY, "%s", strangers[i]);
}

static int give(struct signal_bus *bus, uint8_t number, const char *target)
{
	signal_bus_reserve(bus, number, SIGNAL_OF_APPLICATION);
	return signal_bus_register(bus, number, target);
}

static bool is_awake(struct signal_bus *bus, int queue)
{
	struct pollfd p = { .fd = signal_bus_fd(bus, queue), .events = POLLIN };
	return poll(&p, 1, 0) == 1;
}

Test(signal_bus, puts_a_number_where_its_target_says_and_wakes_it)
{
	struct signal_bus *bus = signal_bus_create(NULL, 1, kinds, 3);
	int any = signal_bus_queue(bus, "worker", 0), second = signal_bus_queue(bus, "worker", 2);
	cr_assert_eq(give(bus, 17, "worker2"), 0);
	cr_assert_eq(signal_bus_raise(bus, 17, 3), 0);
	cr_assert(is_awake(bus, second));
	cr_assert_not(is_awake(bus, any));
	cr_assert_eq(signal_bus_take(bus, any), -1);
	cr_assert_eq(signal_bus_take(bus, second), 17);
	cr_assert_not(is_awake(bus, second));
	cr_assert_eq(signal_bus_take(bus, second), -1);
}

Test(signal_bus, puts_one_into_each_queue_of_a_kind)
{
	struct signal_bus *bus = signal_bus_create(NULL, 1, kinds, 3);
	give(bus, 5, "mules");
	cr_assert_eq(signal_bus_raise(bus, 5, 3), 0);
	cr_assert_eq(signal_bus_take(bus, signal_bus_queue(bus, "mule", 0)), -1);
	for (int number = 1; number <= 2; number++) {
		cr_assert_eq(signal_bus_take(bus, signal_bus_queue(bus, "mule", number)), 5);
		cr_assert_eq(signal_bus_take(bus, signal_bus_queue(bus, "mule", number)), -1);
	}
}

Test(signal_bus, wakes_the_next_when_more_is_left)
{
	struct signal_bus *bus = signal_bus_create(NULL, 1, kinds, 3);
	int any = signal_bus_queue(bus, "worker", 0);
	give(bus, 1, "");
	signal_bus_raise(bus, 1, 3);
	signal_bus_raise(bus, 1, 3);
	cr_assert_eq(signal_bus_take(bus, any), 1);
	cr_assert(is_awake(bus, any));
	cr_assert_eq(signal_bus_take(bus, any), 1);
	cr_assert_not(is_awake(bus, any));
}

Test(signal_bus, refuses_and_counts_what_nobody_can_handle)
{
	struct signal_bus *bus = signal_bus_create(NULL, 1, kinds, 3);
	struct uwsgi_signal_info info;
	cr_assert_eq(signal_bus_raise(bus, 9, 3), -ENOENT);
	cr_assert_eq(signal_bus_owner(bus, 9), SIGNAL_OF_NOBODY);
	cr_assert_eq(give(bus, 10, "nobody"), -ESRCH);
	cr_assert_eq(signal_bus_raise(bus, 10, 3), -ENOENT);
	give(bus, 11, "spooler");
	cr_assert_eq(signal_bus_raise(bus, 11, 3), -ENOENT, "there is none");
	give(bus, 12, "worker3");
	cr_assert_eq(signal_bus_raise(bus, 12, 2), -ENOENT, "it is cheaped");
	cr_assert_eq(signal_bus_get(bus, 12, &info), 0);
	cr_assert_eq(info.refused, 1);
	cr_assert_str_eq(info.target, "worker3");
}

Test(signal_bus, refuses_and_counts_what_does_not_fit)
{
	struct signal_bus *bus = signal_bus_create(NULL, 1, kinds, 3);
	struct uwsgi_signal_info info;
	int taken = 0, refused = 0;
	give(bus, 3, "worker1");
	for (int i = 0; i < 5000; i++)
		refused += signal_bus_raise(bus, 3, 3) == -EAGAIN;
	while (signal_bus_take(bus, signal_bus_queue(bus, "worker", 1)) == 3)
		taken++;
	cr_assert_eq(taken + refused, 5000);
	signal_bus_get(bus, 3, &info);
	cr_assert_eq(info.raised, (uint64_t)taken);
	cr_assert_eq(info.refused, (uint64_t)refused);
}

Test(signal_bus, a_number_has_one_owner_who_says_its_target)
{
	struct signal_bus *bus = signal_bus_create(NULL, 1, kinds, 3);
	cr_assert_eq(signal_bus_owner(bus, 3), SIGNAL_OF_NOBODY);
	cr_assert_eq(signal_bus_reserve(bus, 3, 7), 7);
	cr_assert_eq(signal_bus_reserve(bus, 3, 8), 7, "it is taken");
	cr_assert_eq(signal_bus_reserve(bus, 3, 7), 7, "by himself or a predecessor");
	cr_assert_eq(signal_bus_owner(bus, 3), 7);
	cr_assert_eq(signal_bus_raise(bus, 3, 3), -ENOENT, "it is not registered yet");
	signal_bus_register(bus, 3, "worker1");
	signal_bus_register(bus, 3, "worker2");
	signal_bus_raise(bus, 3, 3);
	cr_assert_eq(signal_bus_take(bus, signal_bus_queue(bus, "worker", 2)), 3);
}

struct rival {
	struct signal_bus *bus;
	int owner, count;
};

static void *reserve_all(void *data)
{
	struct rival *r = data;
	for (int number = 0; number < UWSGI_SIGNALS; number++)
		r->count += signal_bus_reserve(r->bus, (uint8_t)number, r->owner) == r->owner;
	return NULL;
}

Test(signal_bus, gives_a_number_to_one_of_those_who_reserve_it_at_once)
{
	struct signal_bus *bus = signal_bus_create(NULL, 1, kinds, 3);
	struct rival rivals[4];
	pthread_t threads[4];
	int count = 0;
	for (int i = 0; i < 4; i++) {
		rivals[i] = (struct rival){ bus, SIGNAL_OF_PLACES + i, 0 };
		cr_assert_eq(pthread_create(&threads[i], NULL, reserve_all, &rivals[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		count += rivals[i].count;
	}
	cr_assert_eq(count, UWSGI_SIGNALS);
}

Test(signal_bus, is_handed_over_with_what_waits_in_it)
{
	struct handover *h = handover_create();
	struct signal_bus *bus = signal_bus_create(h, 4, kinds, 3);
	char number[16];
	give(bus, 3, "worker1");
	signal_bus_raise(bus, 3, 3);
	snprintf(number, sizeof number, "%d", handover_seal(h));
	setenv(HANDOVER_ENV, number, 1);
	struct handover *next = handover_create();
	struct signal_bus *same = signal_bus_claim(next, 4);
	cr_assert_not_null(same);
	cr_assert(is_awake(same, signal_bus_queue(same, "worker", 1)));
	cr_assert_eq(signal_bus_take(same, signal_bus_queue(same, "worker", 1)), 3);
	cr_assert_null(signal_bus_claim(next, 5));
	signal_bus_destroy(&same, next);
	cr_assert_null(same);
	cr_assert_null(handover_unclaimed(next, "wake"));
}

Test(signal_bus, puts_a_number_for_a_group_into_its_one_queue)
{
	static const struct signal_kind farms[] = { { "worker", "", 3 },
						    { "mule", "", 2 },
						    { "farm_a", .is_group = true } };
	struct signal_bus *bus = signal_bus_create(NULL, 1, farms, 3);
	int queue = signal_bus_queue(bus, "farm_a", 0);
	cr_assert_eq(give(bus, 5, "farm_a"), 0);
	cr_assert_eq(signal_bus_raise(bus, 5, 3), 0);
	cr_assert(is_awake(bus, queue));
	cr_assert_eq(signal_bus_take(bus, signal_bus_queue(bus, "mule", 0)), -1);
	cr_assert_eq(signal_bus_take(bus, queue), 5);
	cr_assert_eq(signal_bus_queue(bus, "farm_a", 1), -1);
	signal_bus_destroy(&bus, NULL);
}

Test(signal_bus, counts_what_waits_in_one_queue_and_in_all)
{
	struct signal_bus *bus = signal_bus_create(NULL, 1, kinds, 3);
	give(bus, 5, "mules");
	give(bus, 6, "worker2");
	signal_bus_raise(bus, 5, 3);
	signal_bus_raise(bus, 6, 3);
	signal_bus_raise(bus, 6, 3);
	cr_expect_eq(signal_bus_waiting(bus, signal_bus_queue(bus, "worker", 2)), 2);
	cr_expect_eq(signal_bus_waiting(bus, signal_bus_queue(bus, "worker", 1)), 0);
	cr_expect_eq(signal_bus_waiting(bus, -1), 4);
}
