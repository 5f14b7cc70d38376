/* message_queue.h - messages of any size between processes, through shared memory that lives on over reloads.
 *
 * A message is there whole or not at all: its bytes are in place before its end is told, and it leaves when it was
 * copied out.  Whoever is killed in between leaves the queue as it was. */
#ifndef MULE_MESSAGE_QUEUE_H
#define MULE_MESSAGE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message_queue;

/* The queue of that name with room for `size` bytes; memory is taken as it fills.  NULL: there is none.  [main] */
struct message_queue *message_queue_open(const char *name, size_t size);
/* Readable when a message may be there. */
int message_queue_fd(const struct message_queue *q);
/* 0, or -EAGAIN: it does not fit now. */
int message_queue_put(struct message_queue *q, const void *message, size_t len);
/* The oldest message, to be freed, and its length; NULL: there is none.  When more is left, whoever waits is woken. */
char *message_queue_take(struct message_queue *q, size_t *len_r);

struct message_queue_info {
	uint64_t put, taken, refused;
	size_t bytes; /* that wait */
};
void message_queue_get(const struct message_queue *q, struct message_queue_info *info_r);

#endif
