/* handed.h - connections that a worker will not serve any more, because it ends or all its cores are stuck: they go to
 * whichever worker reads first, of this generation or the next. */
#ifndef KERNEL_HANDED_H
#define KERNEL_HANDED_H

#include <stdbool.h>

struct conn;
struct handed;
struct handover;
struct listeners;
struct serve;
struct sockaddr_storage;

/* The way they take, kept over reloads; `listeners` are the sockets they came in by.  NULL after uwsgi_cause. */
struct handed *handed_create(struct handover *handover, const struct listeners *listeners);
/* Readable when one waits. */
int handed_fd(const struct handed *h);
/* Give away a connection between two requests, of which nothing was read.  False: it is still ours; else it is closed
 * here.  The owner only. */
bool handed_give(struct serve *s, struct conn *c);
/* For a worker that has just stopped to look: epoll wakes one worker for one connection, and it may have been this one.
 * What waits, at most as many as it has cores, goes to the others, who are woken by that. */
void handed_wake_others(struct serve *s);
/* Take one: its descriptor, or a negative errno.  `index_r` is that of its socket in listeners_list. */
int handed_take(const struct handed *h, int *index_r, struct sockaddr_storage *peer);

#endif
