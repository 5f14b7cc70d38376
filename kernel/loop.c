/* loop.c - waiting: one epoll for descriptors and a binary heap of timers, for one thread.
 *
 * It sleeps exactly as long as nothing is due: a loop without timers has no wake-ups of its own. */
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_TURN 64

struct uwsgi_loop {
	int epoll_fd;
	bool stopped;
	struct uwsgi_timer **heap; /* heap[0] is due first; heap[i]->slot == i + 1 */
	size_t timers, heap_cap;
	_Atomic uint64_t due_ms;		    /* of heap[0], 0: none; the one thing other threads may look at */
	struct epoll_event events[EVENTS_PER_TURN]; /* of this turn; a removed watch is nulled in it */
	int event_count;
};

struct uwsgi_loop *loop_create(void)
{
	struct uwsgi_loop *loop = calloc(1, sizeof *loop);
	if (!loop)
		return NULL;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd == -1) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_destroy(struct uwsgi_loop **loop)
{
	if (!*loop)
		return;
	close((*loop)->epoll_fd);
	free((*loop)->heap);
	free(*loop);
	*loop = NULL;
}

static uint32_t epoll_bits(unsigned events)
{
	return (events & UWSGI_READ ? EPOLLIN | EPOLLRDHUP : 0u) | (events & UWSGI_WRITE ? EPOLLOUT : 0u);
}

static unsigned loop_bits(uint32_t events)
{
	return (events & (EPOLLIN | EPOLLRDHUP) ? UWSGI_READ : 0u) | (events & EPOLLOUT ? UWSGI_WRITE : 0u) |
	       (events & (EPOLLHUP | EPOLLERR) ? UWSGI_HANGUP : 0u);
}

static int control(struct uwsgi_loop *loop, int op, struct uwsgi_watch *watch, unsigned events)
{
	struct epoll_event e = { .events = epoll_bits(events), .data.ptr = watch };
	return epoll_ctl(loop->epoll_fd, op, watch->fd, &e) == -1 ? -errno : 0;
}

int uwsgi_loop_add(struct uwsgi_loop *loop, struct uwsgi_watch *watch, unsigned events)
{
	return control(loop, EPOLL_CTL_ADD, watch, events);
}

int uwsgi_loop_change(struct uwsgi_loop *loop, struct uwsgi_watch *watch, unsigned events)
{
	return control(loop, EPOLL_CTL_MOD, watch, events);
}

void uwsgi_loop_remove(struct uwsgi_loop *loop, struct uwsgi_watch *watch)
{
	control(loop, EPOLL_CTL_DEL, watch, 0);
	for (int i = 0; i < loop->event_count; i++)
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
}

/* ---- timers ---- */

static void heap_put(struct uwsgi_loop *loop, size_t i, struct uwsgi_timer *timer)
{
	loop->heap[i] = timer;
	timer->slot = i + 1;
}

static void sift_up(struct uwsgi_loop *loop, size_t i)
{
	struct uwsgi_timer *timer = loop->heap[i];
	while (i && loop->heap[(i - 1) / 2]->at_ms > timer->at_ms) {
		heap_put(loop, i, loop->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(loop, i, timer);
}

static void sift_down(struct uwsgi_loop *loop, size_t i)
{
	struct uwsgi_timer *timer = loop->heap[i];
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= loop->timers)
			break;
		if (child + 1 < loop->timers && loop->heap[child + 1]->at_ms < loop->heap[child]->at_ms)
			child++;
		if (timer->at_ms <= loop->heap[child]->at_ms)
			break;
		heap_put(loop, i, loop->heap[child]);
		i = child;
	}
	heap_put(loop, i, timer);
}

static void set_due(struct uwsgi_loop *loop)
{
	atomic_store(&loop->due_ms, loop->timers ? loop->heap[0]->at_ms : 0);
}

void uwsgi_loop_timer_stop(struct uwsgi_loop *loop, struct uwsgi_timer *timer)
{
	if (!timer->slot)
		return;
	size_t i = timer->slot - 1;
	assert(i < loop->timers && loop->heap[i] == timer);
	timer->slot = 0;
	struct uwsgi_timer *last = loop->heap[--loop->timers];
	if (last != timer) {
		heap_put(loop, i, last);
		sift_up(loop, i);
		sift_down(loop, last->slot - 1);
	}
	set_due(loop);
}

int uwsgi_loop_timer(struct uwsgi_loop *loop, struct uwsgi_timer *timer, uint64_t ms)
{
	uwsgi_loop_timer_stop(loop, timer);
	if (loop->timers == loop->heap_cap) {
		size_t cap = loop->heap_cap ? 2 * loop->heap_cap : 8;
		struct uwsgi_timer **heap = realloc(loop->heap, cap * sizeof *heap);
		if (!heap)
			return -ENOMEM;
		loop->heap = heap;
		loop->heap_cap = cap;
	}
	uint64_t now = uwsgi_now_ms();
	timer->at_ms = ms < UINT64_MAX - now ? now + ms : UINT64_MAX;
	heap_put(loop, loop->timers++, timer);
	sift_up(loop, loop->timers - 1);
	set_due(loop);
	return 0;
}

int loop_timeout(const struct uwsgi_loop *loop)
{
	uint64_t at = atomic_load_explicit(&loop->due_ms, memory_order_relaxed);
	if (!at)
		return -1;
	uint64_t now = uwsgi_now_ms();
	if (at <= now)
		return 0;
	return at - now > INT_MAX ? INT_MAX : (int)(at - now);
}

static void run_timers(struct uwsgi_loop *loop)
{
	if (!loop->timers)
		return;
	uint64_t now = uwsgi_now_ms();
	while (!loop->stopped && loop->timers && loop->heap[0]->at_ms <= now) {
		struct uwsgi_timer *timer = loop->heap[0];
		uwsgi_loop_timer_stop(loop, timer);
		timer->fn(timer);
	}
}

/* ---- turns ---- */

static int sooner(int a, int b)
{
	if (a == -1)
		return b;
	return b == -1 || a < b ? a : b;
}

int loop_turn(struct uwsgi_loop *loop, int timeout_ms)
{
	int n = epoll_wait(loop->epoll_fd, loop->events, EVENTS_PER_TURN, sooner(timeout_ms, loop_timeout(loop)));
	loop->event_count = n > 0 ? n : 0;
	for (int i = 0; i < loop->event_count; i++) {
		struct uwsgi_watch *watch = loop->events[i].data.ptr;
		if (watch)
			watch->fn(watch, loop_bits(loop->events[i].events));
	}
	loop->event_count = 0;
	run_timers(loop);
	return n > 0 ? n : 0;
}

int uwsgi_loop_run(struct uwsgi_loop *loop)
{
	while (!loop->stopped)
		loop_turn(loop, -1);
	return 0;
}

void uwsgi_loop_stop(struct uwsgi_loop *loop)
{
	loop->stopped = true;
}

bool loop_stopped(const struct uwsgi_loop *loop)
{
	return loop->stopped;
}

int loop_fd(const struct uwsgi_loop *loop)
{
	return loop->epoll_fd;
}
