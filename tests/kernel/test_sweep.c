/* Connections whose time is over: who is told, who is counted, and who is left alone. */
#include <criterion/criterion.h>

#include "../double/serve_double.h"
#include "sweep.h"

static struct serve_double d;

static void begin(void)
{
	serve_double_init(&d);
	d.patience.head_timeout = 10;
}

TestSuite(sweep, .init = begin, .timeout = 20);

/* Sweep over the connection in a phase whose deadline was `ago_ms` ago. */
static const char *swept(enum conn_phase phase, int64_t ago_ms)
{
	uint64_t now = uwsgi_now_ms();
	d.conn->phase = (uint8_t)phase;
	atomic_store(&d.conn->deadline, now - (uint64_t)ago_ms);
	atomic_store(&d.conn->owner, 0);
	sweep_run(&d.core, now);
	return serve_double_got(&d);
}

static uint64_t counted(enum proc_timeout kind)
{
	uint64_t all = 0;
	for (int i = 0; i < PROC_TIMEOUTS; i++)
		all += d.slot.timeouts[i];
	cr_assert_leq(all, 1);
	return d.slot.timeouts[kind];
}

Test(sweep, answers_408_to_a_slow_head)
{
	const char *got = swept(CONN_HEAD, 1);
	cr_assert(got && strstr(got, "HTTP/1.1 408 "));
	cr_assert_eq(counted(PROC_TIMEOUT_HEAD), 1);
	cr_assert_eq(d.conn->phase, CONN_FREE);
}

Test(sweep, counts_a_slow_body)
{
	const char *got = swept(CONN_BODY, 1);
	cr_assert(got && strstr(got, "HTTP/1.1 408 "));
	cr_assert_eq(counted(PROC_TIMEOUT_BODY), 1);
}

Test(sweep, closes_without_a_word_what_it_cannot_tell)
{
	cr_assert_null(swept(CONN_SEND, 1));
	cr_assert_eq(counted(PROC_TIMEOUT_SEND), 1);
}

Test(sweep, tells_the_idle_from_those_that_never_spoke)
{
	cr_assert_null(swept(CONN_IDLE, 1));
	cr_assert_eq(counted(PROC_TIMEOUT_HEAD), 1);
}

Test(sweep, counts_an_idle_connection)
{
	d.conn->requests = 1;
	cr_assert_null(swept(CONN_IDLE, 1));
	cr_assert_eq(counted(PROC_TIMEOUT_IDLE), 1);
}

Test(sweep, counts_nobody_who_lingers)
{
	cr_assert_null(swept(CONN_LINGER, 1));
	cr_assert_eq(counted(PROC_TIMEOUT_IDLE), 0);
}

Test(sweep, leaves_alone_who_has_time)
{
	cr_assert_str_eq(swept(CONN_HEAD, -1000), "");
	cr_assert_eq(d.conn->phase, CONN_HEAD);
	cr_assert_geq(atomic_load(&d.serve.due_ms), uwsgi_now_ms() + 900);
}

Test(sweep, closes_the_idle_when_the_worker_ends)
{
	atomic_store(&d.serve.draining, true);
	d.conn->requests = 1;
	cr_assert_null(swept(CONN_IDLE, -60000));
	cr_assert_eq(counted(PROC_TIMEOUT_IDLE), 0);
}

Test(sweep, lets_a_new_client_ask_while_the_worker_ends)
{
	atomic_store(&d.serve.draining, true);
	cr_assert_str_eq(swept(CONN_IDLE, -10000), "");
	cr_assert_eq(d.conn->phase, CONN_IDLE);
}
