/* Deadlines: whoever comes first, the core or the watchdog, speaks to the client, and only that one. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../double/serve_double.h"
#include "hook.h"
#include "recycle.h"

static struct serve_double d;
static struct recycle_settings no_limits;
static _Atomic int stuck_core = -1, turns;

static void on_stuck(int core, int tid)
{
	(void)tid;
	atomic_store(&stuck_core, core);
}

static void on_late(struct serve *s)
{
	(void)s;
	atomic_fetch_add(&turns, 1);
	usleep(1000);
}

static void begin(void)
{
	static const struct uwsgi_hook rows[] = { UWSGI_HOOK(UWSGI_HOOK_WORKER_STUCK, uwsgi_hook_stuck, on_stuck),
						  { 0 } };
	serve_double_init(&d);
	d.serve.hooks = hook_registry_create();
	cr_assert_eq(hook_register(d.serve.hooks, rows, sizeof *rows), 0);
	d.serve.recycle = &no_limits;
	d.serve.on_late = on_late;
}

TestSuite(harakiri, .init = begin, .timeout = 20);

/* The request gets `ms` from now. */
static void set_due(int64_t ms)
{
	atomic_store(&d.core.clock, clock_of(uwsgi_now_ms() + (uint64_t)ms));
	cr_assert_eq(harakiri_start(&d.serve), 0);
}

static void wait_for_late(void)
{
	while (!atomic_load(&turns))
		usleep(1000);
}

static const char *client_got(void)
{
	const char *text = serve_double_got(&d);
	return text ? text : "";
}

Test(harakiri, leaves_a_core_without_a_deadline_alone)
{
	harakiri_begin(&d.core);
	cr_assert_eq(d.core.clock, 0);
	cr_assert(harakiri_answer(&d.core));
	cr_assert(harakiri_end(&d.core));
}

Test(harakiri, begins_with_the_seconds_of_the_option)
{
	d.harakiri.seconds = 5;
	uint64_t before = uwsgi_now_ms();
	harakiri_begin(&d.core);
	uint64_t due = clock_due_ms(d.core.clock);
	cr_assert(due >= before + 5000 && due <= uwsgi_now_ms() + 5000);
	cr_assert(harakiri_end(&d.core));
	cr_assert_eq(d.core.clock, 0);
}

Test(harakiri, answers_in_place_of_a_late_core)
{
	set_due(0);
	wait_for_late();
	cr_assert_str_eq(client_got(),
			 "HTTP/1.1 504 Gateway Timeout\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n"
			 "Connection: close\r\n\r\nGateway Timeout\n");
	cr_assert_eq(atomic_load(&stuck_core), 0);
	cr_assert_eq(d.slot.harakiris, 1);
	cr_assert_eq(d.serve.late, 1);
	cr_assert_not(harakiri_answer(&d.core));
	cr_assert_not(harakiri_end(&d.core));
	cr_assert_eq(d.serve.late, 0);
}

Test(harakiri, lets_no_second_answer_follow_its_own)
{
	set_due(0);
	wait_for_late();
	client_got();
	uwsgi_response_status(d.req, "200 OK", 6);
	cr_assert_eq(uwsgi_response_body(d.req, &(struct iovec){ "late", 4 }, 1), -EPIPE);
	cr_assert_eq(d.req->status, 504);
	cr_assert_str_eq(client_got(), "");
}

Test(harakiri, cuts_an_answer_that_was_begun)
{
	harakiri_start(&d.serve);
	atomic_store(&d.core.clock, clock_of(uwsgi_now_ms() + 100));
	uwsgi_response_status(d.req, "200 OK", 6);
	uwsgi_response_write(d.req, "some", 4);
	cr_assert(d.core.clock & CLOCK_ANSWERED);
	uwsgi_request_deadline(d.req, -1); /* wakes the watchdog too */
	wait_for_late();
	const char *got = client_got();
	cr_assert(strstr(got, "4\r\nsome\r\n"));
	cr_assert_not(strstr(got, "504"));
	cr_assert_null(serve_double_got(&d));
}

Test(harakiri, has_no_body_for_a_request_that_wants_none)
{
	d.req->is_head = true;
	set_due(0);
	wait_for_late();
	const char *got = client_got();
	cr_assert(strstr(got, " 504 "));
	cr_assert_str_eq(got + strlen(got) - 4, "\r\n\r\n");
}

Test(harakiri, takes_the_earlier_of_two_deadlines)
{
	d.harakiri.seconds = 100;
	harakiri_begin(&d.core);
	uint64_t by_option = d.core.clock;
	uwsgi_request_deadline(d.req, 1000);
	cr_assert_eq(d.core.clock, by_option);
	uwsgi_request_deadline(d.req, 50);
	cr_assert_lt(d.core.clock, by_option);
	uwsgi_request_deadline(d.req, 0);
	cr_assert_eq(d.core.clock, by_option);
}

Test(harakiri, forgets_a_user_deadline_with_the_request)
{
	uwsgi_request_deadline(d.req, 50);
	cr_assert_neq(d.core.clock, 0);
	cr_assert(harakiri_end(&d.core));
	harakiri_begin(&d.core);
	cr_assert_eq(d.core.clock, 0);
}

/* The next request, on a connection of its own. */
static void reconnect(void)
{
	int pair[2];
	conn_close(&d.serve, d.conn);
	close(d.client);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	d.client = pair[1];
	d.conn = conn_open(&d.serve, pair[0], &d.listener);
	d.conn->phase = CONN_RUN;
	serve_double_begin(&d);
}

Test(harakiri, gives_each_client_exactly_one_answer_however_close_it_is)
{
	int late = 0, in_time = 0;
	unsigned seed = 1;
	for (int i = 0; i < 500; i++) {
		reconnect();
		set_due(1 + rand_r(&seed) % 2);
		usleep((useconds_t)rand_r(&seed) % 3000);
		uwsgi_response_status(d.req, "200 OK", 6);
		uwsgi_response_body(d.req, NULL, 0);
		bool ok = harakiri_end(&d.core);
		const char *got = client_got();
		bool by_core = strstr(got, " 200 OK"), by_watchdog = strstr(got, " 504 ");
		cr_assert_neq(by_core, by_watchdog, "request %d: %s", i, got);
		cr_assert(by_core || !ok);
		*(ok ? &in_time : &late) += 1;
	}
	cr_assert(late && in_time, "%d late, %d in time: nothing was close", late, in_time);
	cr_assert_eq(d.serve.late, 0);
}
