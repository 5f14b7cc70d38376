/* door.c - which listening sockets a worker watches: all of them from its start to its end, but for moments in which it
 * is out of descriptors or memory.  A socket it cannot accept from would stay readable and keep it spinning. */
#include "door.h"

#include "handed.h"

#include <errno.h>
#include <sys/epoll.h>

#define PAUSE_MS 100

static void look_away(struct serve *s)
{
	epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, handed_fd(s->handed), NULL);
	for (size_t i = 0; i < s->listener_count; i++)
		epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->listeners[i].socket->fd, NULL);
}

int door_open(struct serve *s)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		struct listener *l = &s->listeners[i];
		/* one worker wakes for one connection */
		struct epoll_event e = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = &l->source };
		if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, l->socket->fd, &e) == -1) {
			int failed = -errno;
			look_away(s); /* what is watched already could not be added by the next try */
			return failed;
		}
	}
	struct epoll_event handed = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = &s->handed_source };
	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, handed_fd(s->handed), &handed) == -1 ? -errno : 0;
}

void door_pause(struct serve *s)
{
	if (atomic_load(&s->door_shut_ms))
		return;
	look_away(s);
	atomic_store(&s->door_shut_ms, uwsgi_now_ms());
}

void door_resume(struct serve *s, uint64_t now_ms)
{
	if (door_timeout(s, now_ms) != 0)
		return;
	/* no memory to watch them again: another moment */
	atomic_store(&s->door_shut_ms, door_open(s) == 0 ? 0 : now_ms);
}

void door_close(struct serve *s)
{
	look_away(s);
	handed_wake_others(s);
	s->listener_count = 0;
	atomic_store(&s->door_shut_ms, 0);
}

int door_timeout(const struct serve *s, uint64_t now_ms)
{
	uint64_t shut = atomic_load_explicit(&s->door_shut_ms, memory_order_relaxed);
	if (!shut)
		return -1;
	return now_ms >= shut + PAUSE_MS ? 0 : (int)(shut + PAUSE_MS - now_ms);
}
