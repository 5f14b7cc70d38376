/* mailbox.c - the queues one mule reads from, and one descriptor to wait for all of them. */
#include "mule.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static int watch(struct mailbox *box)
{
	box->fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < box->count && box->fd != -1; i++) {
		struct epoll_event event = { .events = EPOLLIN };
		if (epoll_ctl(box->fd, EPOLL_CTL_ADD, message_queue_fd(box->queues[i]), &event) == -1)
			return -errno;
	}
	return box->fd == -1 ? -errno : 0;
}

int mailbox_open(const struct mules *m, int number, enum mailbox_of of, struct mailbox *box_r)
{
	struct mailbox box = { calloc((size_t)(2 + m->farm_count), sizeof *box.queues), 0, -1 };
	if (!box.queues)
		return -ENOMEM;
	if (of != MAILBOX_FARMS)
		box.queues[box.count++] = m->queues[number];
	if (of == MAILBOX_OWN_AND_ANY)
		box.queues[box.count++] = m->queues[0];
	for (int i = 0; of == MAILBOX_FARMS && i < m->farm_count; i++)
		if (m->farms[i].members[number])
			box.queues[box.count++] = m->queues[1 + m->count + i];
	*box_r = box;
	return watch(box_r);
}

int mailbox_take(const struct mailbox *box, struct message_queue **queue_r, struct message *message_r)
{
	int taken = 0;
	for (int i = 0; i < box->count && !taken; i++) {
		taken = message_queue_take(box->queues[i], message_r);
		*queue_r = box->queues[i];
	}
	return taken;
}

int mailbox_recover(const struct mailbox *box)
{
	int dropped = 0;
	for (int i = 0; i < box->count; i++)
		dropped += message_queue_recover(box->queues[i]);
	return dropped;
}
