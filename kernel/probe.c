/* probe.c - see probe.h. */
#include "probe.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <uwsgi/socket.h>

struct probe {
	struct uwsgi_timer timer; /* the next question, or the end of the wait for an answer */
	struct uwsgi_watch watch; /* .fd -1: no question is on its way */
	struct uwsgi_loop *loop;
	struct probe_spec spec; /* .down: what is known now */
	void (*changed)(void *data, bool up);
	void *data;
};

static void forget_question(struct probe *p)
{
	if (p->watch.fd == -1)
		return;
	uwsgi_loop_remove(p->loop, &p->watch);
	close(p->watch.fd);
	p->watch.fd = -1;
}

static void answered(struct probe *p, bool up)
{
	forget_question(p);
	uwsgi_loop_timer(p->loop, &p->timer, (uint64_t)p->spec.period_ms);
	if (up != p->spec.down)
		return;
	p->spec.down = !up;
	p->changed(p->data, up);
}

static void on_decided(struct uwsgi_watch *watch, unsigned events)
{
	struct probe *p = watch->data;
	(void)events;
	answered(p, uwsgi_connect_result(watch->fd) == 0);
}

/* The fault is on this side: that says nothing of the other. */
static bool is_our_own(int failed)
{
	return failed == -EMFILE || failed == -ENFILE || failed == -ENOMEM || failed == -ENOBUFS;
}

/* 0 when a question is on its way. */
static int ask(struct probe *p)
{
	p->watch.fd = uwsgi_connect_begin(p->spec.address);
	int failed = p->watch.fd < 0 ? p->watch.fd : uwsgi_loop_add(p->loop, &p->watch, UWSGI_WRITE);
	if (failed && p->watch.fd >= 0)
		close(p->watch.fd);
	if (failed)
		p->watch.fd = -1;
	return failed;
}

static void on_time(struct uwsgi_timer *timer)
{
	struct probe *p = timer->data;
	bool late = p->watch.fd != -1;
	int failed = late ? -ETIMEDOUT : ask(p);
	if (failed && !is_our_own(failed))
		answered(p, false);
	else
		uwsgi_loop_timer(p->loop, timer, (uint64_t)(failed ? p->spec.period_ms : p->spec.timeout_ms));
}

struct probe *probe_create(struct uwsgi_loop *loop, const struct probe_spec *spec, void (*changed)(void *data, bool up),
			   void *data)
{
	struct probe *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	*p = (struct probe){
		.timer = { .fn = on_time, .data = p },
		.watch = { .fd = -1, .fn = on_decided, .data = p },
		.loop = loop,
		.spec = *spec,
		.changed = changed,
		.data = data,
	};
	return p;
}

void probe_start(struct probe *p)
{
	uwsgi_loop_timer(p->loop, &p->timer, 0);
}

void probe_stop(struct probe *p)
{
	uwsgi_loop_timer_stop(p->loop, &p->timer);
	forget_question(p);
}

void probe_destroy(struct probe **p)
{
	if (!*p)
		return;
	probe_stop(*p);
	free(*p);
	*p = NULL;
}

bool probe_is_down(const struct probe *p)
{
	return p->spec.down;
}

void probe_close_inherited(const struct probe *p)
{
	if (p->watch.fd != -1)
		close(p->watch.fd);
}
