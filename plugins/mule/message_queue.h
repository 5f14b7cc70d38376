/* message_queue.h - messages of any size between processes, through shared memory that lives on over reloads.
 *
 * A message is there whole or not at all: its bytes are in place before its end is told.  Who takes one has it in hand
 * until it says that it is done; when it dies with it, whoever comes in its place gives it back, and it is taken again,
 * once: a message that has killed two readers is dropped.  Whoever is killed at any moment leaves the queue usable. */
#ifndef MULE_MESSAGE_QUEUE_H
#define MULE_MESSAGE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message_queue;

struct message {
	char *text; /* terminated by a NUL that is not counted */
	size_t len;
	uint64_t at; /* its place in the queue */
};

/* The queue of that name with room for `size` bytes; memory is taken as it fills.  NULL: there is none.  [main] */
struct message_queue *message_queue_open(const char *name, size_t size);
/* Readable when a message may be there. */
int message_queue_fd(const struct message_queue *q);
/* 0, or -EAGAIN: it does not fit now. */
int message_queue_put(struct message_queue *q, const void *message, size_t len);
/* Take the oldest message nobody has in hand.  1; 0: there is none; -ENOMEM: it stays, and the caller is to come again,
 * for nobody is woken.  When more is left behind one that was taken, whoever waits is woken. */
int message_queue_take(struct message_queue *q, struct message *message_r);
/* It is done with: its place is free, and its text. */
void message_queue_done(struct message_queue *q, struct message *message);
/* Give back what processes had in hand that are no more.  How many messages are dropped, because it was the second
 * time.
 */
int message_queue_recover(struct message_queue *q);

struct message_queue_info {
	uint64_t put, taken, refused;
	size_t bytes; /* that wait, or that somebody has in hand */
};
void message_queue_get(const struct message_queue *q, struct message_queue_info *info_r);

#endif
