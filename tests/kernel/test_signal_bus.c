/* Targets, queues and counters of the signal bus, without a server. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
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
	static const char *const strangers[] = { "farm_c", "farm_as", "farm_a1", "farm12", "farm0", "farm" };
	for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
		cr_expect_eq(signal_target_parse(strangers[i], farms, 4).scope, SIGNAL_NOBODY, "%s", strangers[i]);
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
	cr_assert_eq(signal_bus_register(bus, 17, "worker2", false), 0);
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
	signal_bus_register(bus, 5, "mules", false);
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
	signal_bus_register(bus, 1, "", false);
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
	cr_assert_not(signal_bus_registered(bus, 9));
	cr_assert_eq(signal_bus_register(bus, 10, "nobody", false), -ESRCH);
	cr_assert_eq(signal_bus_raise(bus, 10, 3), -ENOENT);
	signal_bus_register(bus, 11, "spooler", false);
	cr_assert_eq(signal_bus_raise(bus, 11, 3), -ENOENT, "there is none");
	signal_bus_register(bus, 12, "worker3", false);
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
	signal_bus_register(bus, 3, "worker1", false);
	for (int i = 0; i < 5000; i++)
		refused += signal_bus_raise(bus, 3, 3) == -EAGAIN;
	while (signal_bus_take(bus, signal_bus_queue(bus, "worker", 1)) == 3)
		taken++;
	cr_assert_eq(taken + refused, 5000);
	signal_bus_get(bus, 3, &info);
	cr_assert_eq(info.raised, (uint64_t)taken);
	cr_assert_eq(info.refused, (uint64_t)refused);
}

Test(signal_bus, a_number_has_one_target)
{
	struct signal_bus *bus = signal_bus_create(NULL, 1, kinds, 3);
	cr_assert_eq(signal_bus_register(bus, 3, "worker1", false), 0);
	cr_assert_eq(signal_bus_register(bus, 3, "worker2", false), -EEXIST);
	cr_assert_eq(signal_bus_register(bus, 3, "worker2", true), 0);
	signal_bus_raise(bus, 3, 3);
	cr_assert_eq(signal_bus_take(bus, signal_bus_queue(bus, "worker", 2)), 3);
}

Test(signal_bus, is_handed_over_with_what_waits_in_it)
{
	struct handover *h = handover_create();
	struct signal_bus *bus = signal_bus_create(h, 4, kinds, 3);
	char number[16];
	signal_bus_register(bus, 3, "worker1", false);
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
	cr_assert_eq(signal_bus_register(bus, 5, "farm_a", false), 0);
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
	signal_bus_register(bus, 5, "mules", false);
	signal_bus_register(bus, 6, "worker2", false);
	signal_bus_raise(bus, 5, 3);
	signal_bus_raise(bus, 6, 3);
	signal_bus_raise(bus, 6, 3);
	cr_expect_eq(signal_bus_waiting(bus, signal_bus_queue(bus, "worker", 2)), 2);
	cr_expect_eq(signal_bus_waiting(bus, signal_bus_queue(bus, "worker", 1)), 0);
	cr_expect_eq(signal_bus_waiting(bus, -1), 4);
}
