/* test_http_gateway.c - the gateway between a loop, a listening socket and a queue that are only numbers here. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>

#include "../../../plugins/http/http.h"

/* ---- the kernel's side, as the gateway sees it ---- */

static struct {
	int backlog;	  /* connections that wait to be accepted */
	int accept_error; /* what accept says instead, or 0 */
	int room;	  /* connections the workers' queue still takes */
	int accepted;	  /* the next connection's number, its "descriptor" is 1000 + number */
	int passed[2048], npassed;
	int queue_fd;
	struct uwsgi_watch *listen, *queue; /* NULL: not watched */
	struct uwsgi_timer *timer;
	void (*script)(void); /* what happens while the loop runs */
} kernel;

enum { LISTEN_FD = 3 };

static struct uwsgi_socket the_socket = { .name = "127.0.0.1:80" };

struct uwsgi_socket *uwsgi_socket_gateway(const char *address, const char *protocol)
{
	cr_assert_str_eq(protocol, "http");
	return strcmp(address, "nonsense") ? &the_socket : NULL;
}

int uwsgi_socket_accept(struct uwsgi_socket *socket)
{
	(void)socket;
	if (kernel.accept_error)
		return -kernel.accept_error;
	if (kernel.backlog == 0)
		return -EAGAIN;
	kernel.backlog--;
	return 1000 + kernel.accepted++;
}

int uwsgi_socket_pass(struct uwsgi_socket *socket, int fd)
{
	(void)socket;
	if (kernel.room == 0)
		return -EAGAIN;
	kernel.room--;
	kernel.passed[kernel.npassed++] = fd;
	return 0;
}

int uwsgi_socket_gateway_fd(struct uwsgi_socket *socket)
{
	(void)socket;
	return LISTEN_FD;
}

int uwsgi_socket_queue_fd(struct uwsgi_socket *socket)
{
	(void)socket;
	return kernel.queue_fd;
}

struct uwsgi_loop *uwsgi_loop(void)
{
	return NULL;
}

int uwsgi_loop_add(struct uwsgi_loop *loop, struct uwsgi_watch *watch, unsigned events)
{
	struct uwsgi_watch **slot = watch->fd == LISTEN_FD ? &kernel.listen : &kernel.queue;

	(void)loop;
	cr_assert_null(*slot, "watched twice");
	cr_assert_eq(events, watch->fd == LISTEN_FD ? UWSGI_READ : UWSGI_WRITE);
	*slot = watch;
	return 0;
}

void uwsgi_loop_remove(struct uwsgi_loop *loop, struct uwsgi_watch *watch)
{
	struct uwsgi_watch **slot = watch->fd == LISTEN_FD ? &kernel.listen : &kernel.queue;

	(void)loop;
	cr_assert_eq(*slot, watch, "not watched");
	*slot = NULL;
}

int uwsgi_loop_timer(struct uwsgi_loop *loop, struct uwsgi_timer *timer, uint64_t ms)
{
	(void)loop;
	cr_assert_gt(ms, 0);
	timer->slot = 1;
	kernel.timer = timer;
	return 0;
}

int uwsgi_loop_run(struct uwsgi_loop *loop)
{
	(void)loop;
	kernel.script();
	return 0;
}

/* A clock that gets to any deadline in a few steps. */
uint64_t uwsgi_now_ms(void)
{
	static uint64_t now;
	return now += 1000;
}

void uwsgi_log(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	va_end(args);
}

void uwsgi_cause(const char *fmt, ...)
{
	(void)fmt;
}

/* ---- helpers ---- */

static void run(void (*script)(void))
{
	static const char *addresses[] = { "127.0.0.1:80" };

	kernel.queue_fd = eventfd(0, EFD_NONBLOCK); /* always writable: poll does not hold up the test */
	kernel.script = script;
	cr_assert_eq(http_gateway_open(&(struct uwsgi_strings){ addresses, 1 }), 0);
	cr_assert_eq(http_gateway_count(), 1);
	cr_assert_eq(http_gateway_run(1), 0);
	cr_assert(!kernel.listen && !kernel.queue, "nothing is watched at the end");
}

static void arrive(int count)
{
	kernel.backlog += count;
	if (kernel.listen)
		kernel.listen->fn(kernel.listen, UWSGI_READ);
}

static void make_room(int count)
{
	kernel.room += count;
	if (kernel.queue)
		kernel.queue->fn(kernel.queue, UWSGI_WRITE);
}

static void assert_passed_in_order(int count)
{
	cr_assert_eq(kernel.npassed, count, "%d were passed", kernel.npassed);
	for (int i = 0; i < count; i++)
		cr_assert_eq(kernel.passed[i], 1000 + i);
}

/* ---- tests ---- */

static void script_room(void)
{
	kernel.room = 100;
	arrive(100);
	assert_passed_in_order(100);
	cr_assert_null(kernel.queue, "nothing waits, so nothing is watched");
	cr_assert_not_null(kernel.listen);
}

Test(http_gateway, passes_connections_on_while_the_workers_take_them)
{
	run(script_room);
}

static void script_full(void)
{
	kernel.room = 3;
	arrive(10);
	assert_passed_in_order(3);
	cr_assert_not_null(kernel.queue);
	make_room(2);
	assert_passed_in_order(5);
	arrive(1); /* a newcomer does not overtake */
	make_room(100);
	assert_passed_in_order(11);
	cr_assert_null(kernel.queue);
}

Test(http_gateway, keeps_connections_in_order_while_the_queue_is_full)
{
	run(script_full);
}

static void script_overfull(void)
{
	int taken;

	arrive(1000);
	taken = kernel.accepted;
	cr_assert(taken > 0 && taken < 1000);
	cr_assert_null(kernel.listen, "the rest waits in the backlog");
	make_room(1);
	cr_assert_not_null(kernel.listen);
	arrive(0);
	cr_assert_eq(kernel.accepted, taken + 1);
	cr_assert_null(kernel.listen);
	while (kernel.npassed < 1000) {
		make_room(50);
		arrive(0);
	}
	assert_passed_in_order(1000);
}

Test(http_gateway, stops_accepting_when_it_holds_as_many_as_it_may)
{
	run(script_overfull);
}

static void script_no_descriptors(void)
{
	kernel.room = 10;
	kernel.accept_error = EMFILE;
	arrive(1);
	cr_assert_null(kernel.listen, "or the loop would spin");
	kernel.accept_error = 0;
	kernel.timer->slot = 0;
	kernel.timer->fn(kernel.timer);
	arrive(0);
	assert_passed_in_order(1);
}

Test(http_gateway, pauses_when_descriptors_are_used_up)
{
	run(script_no_descriptors);
}

static void script_end_with_waiting(void)
{
	arrive(5);
	kernel.room = 5; /* the workers go on while the gateway ends */
}

Test(http_gateway, gives_what_it_holds_to_the_workers_before_it_ends)
{
	run(script_end_with_waiting);
	assert_passed_in_order(5);
}

static void script_end_without_workers(void)
{
	arrive(5);
}

Test(http_gateway, does_not_wait_for_ever_for_workers_at_the_end)
{
	run(script_end_without_workers);
	cr_assert_eq(kernel.npassed, 0);
}

Test(http_gateway, an_address_that_cannot_be_bound_ends_the_start)
{
	static const char *addresses[] = { "nonsense" };

	cr_assert_eq(http_gateway_open(&(struct uwsgi_strings){ addresses, 1 }), -EINVAL);
}
