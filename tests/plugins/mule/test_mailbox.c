/* What a mule reads from: its own queue, that of any mule, and those of its farms. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "mule.h"

static struct message_queue *queues[5]; /* any mule, two mules, two farms */
static bool pigs[] = { false, true, false }, cows[] = { false, true, true };
static struct farm farms[] = { { "pigs", pigs }, { "cows", cows } };
static const struct mules mules_of_test = { .count = 2, .farms = farms, .farm_count = 2, .queues = queues };

static void open_queues(void)
{
	for (int i = 0; i < 5; i++) {
		char name[16];
		snprintf(name, sizeof name, "queue %d", i);
		queues[i] = message_queue_open(name, 4096);
		cr_assert_not_null(queues[i]);
	}
}

static bool is_awake(const struct mailbox *box)
{
	struct pollfd p = { .fd = box->fd, .events = POLLIN };
	return poll(&p, 1, 0) == 1;
}

static char first_letter(const struct mailbox *box)
{
	struct message message;
	struct message_queue *queue;
	int taken = mailbox_take(box, &queue, &message);
	char letter = taken ? *message.text : '-';
	if (taken)
		message_queue_done(queue, &message);
	return letter;
}

Test(mailbox, has_what_is_for_this_mule_and_for_any, .init = open_queues)
{
	struct mailbox box;
	cr_assert_eq(mailbox_open(&mules_of_test, 2, MAILBOX_OWN_AND_ANY, &box), 0);
	message_queue_put(queues[1], "x", 1); /* mule 1's */
	message_queue_put(queues[4], "x", 1); /* a farm's */
	cr_assert_not(is_awake(&box));
	cr_assert_eq(first_letter(&box), '-');
	message_queue_put(queues[0], "a", 1);
	cr_assert(is_awake(&box));
	message_queue_put(queues[2], "b", 1);
	cr_assert_eq(first_letter(&box), 'b', "its own come first");
	cr_assert_eq(first_letter(&box), 'a');
}

Test(mailbox, can_leave_what_is_for_any_to_others, .init = open_queues)
{
	struct mailbox box;
	cr_assert_eq(mailbox_open(&mules_of_test, 2, MAILBOX_OWN, &box), 0);
	message_queue_put(queues[0], "x", 1);
	cr_assert_not(is_awake(&box));
	message_queue_put(queues[2], "b", 1);
	cr_assert_eq(first_letter(&box), 'b');
	cr_assert_eq(first_letter(&box), '-');
}

Test(mailbox, has_what_is_for_the_farms_of_this_mule, .init = open_queues)
{
	struct mailbox box;
	cr_assert_eq(mailbox_open(&mules_of_test, 2, MAILBOX_FARMS, &box), 0);
	message_queue_put(queues[3], "x", 1); /* a farm it does not belong to */
	message_queue_put(queues[2], "x", 1);
	cr_assert_not(is_awake(&box));
	message_queue_put(queues[4], "c", 1);
	cr_assert(is_awake(&box));
	cr_assert_eq(first_letter(&box), 'c');
	cr_assert_eq(mailbox_open(&mules_of_test, 1, MAILBOX_FARMS, &box), 0);
	cr_assert_eq(first_letter(&box), 'x');
}
