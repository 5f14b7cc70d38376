/* api_signal.c - API functions about signals and what raises them.  Written against the public headers only. */
#include "api_signal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <uwsgi/log.h>
#include <uwsgi/loop.h>
#include <uwsgi/proc.h>
#include <uwsgi/signal.h>
#include <uwsgi/socket.h>
#include <uwsgi/source.h>

#define PROBE_MAX 86400
#define REMOTE_MS 4000 /* for a connection, and for an answer */

/* The number of the last signal this thread waited for. */
static _Thread_local int received;

static int number_arg(struct uwsgi_call *c, unsigned i, const char *function)
{
	int64_t number = uwsgi_arg_int(c, i);
	if (number >= 0 && number < UWSGI_SIGNALS)
		return (int)number;
	uwsgi_fail(c, UWSGI_EVALUE, "%s(): %lld is no signal, they are 0 to %d", function, (long long)number,
		   UWSGI_SIGNALS - 1);
	return -1;
}

static int register_signal(struct uwsgi_call *c)
{
	int number = number_arg(c, 0, "register_signal");
	if (number < 0)
		return -1;
	int failed = uwsgi_signal_register((uint8_t)number, uwsgi_arg_str(c, 1).p, uwsgi_arg_fn(c, 2));
	if (failed == -EEXIST)
		return uwsgi_fail(c, UWSGI_EVALUE, "unable to register signal: %d is registered already", number);
	if (failed)
		return uwsgi_fail(c, UWSGI_EVALUE, "unable to register signal: there is no master");
	return 0;
}

static int send_signal(struct uwsgi_call *c, int number, const char *address)
{
	int failed = uwsgi_signal_send(address, (uint8_t)number, REMOTE_MS);
	if (failed == -EACCES)
		return uwsgi_fail(c, UWSGI_EVALUE, "node %s rejected signal %d", address, number);
	if (failed)
		return uwsgi_fail(c, UWSGI_EOS, "unable to deliver signal %d to node %s: %s", number, address,
				  failed == -EPROTO ? "it does not answer to signals" : strerror(-failed));
	uwsgi_ret_bool(c, true);
	return 0;
}

static int raise_signal(struct uwsgi_call *c)
{
	static struct uwsgi_log_seldom refused[UWSGI_SIGNALS];
	int number = number_arg(c, 0, "signal");
	if (number < 0)
		return -1;
	if (uwsgi_arg_given(c, 1))
		return send_signal(c, number, uwsgi_arg_str(c, 1).p);
	int failed = uwsgi_signal_raise((uint8_t)number);
	if (failed)
		uwsgi_log_seldom(&refused[number], "could not deliver signal %d: %s", number,
				 failed == -ENOENT     ? "it is not registered, or nobody of its target is there"
				 : failed == -EAGAIN   ? "the queue of its target is full"
				 : failed == -ENOTCONN ? "there is no master"
						       : strerror(-failed));
	uwsgi_ret_bool(c, !failed);
	return 0;
}

static int get_free_signal(struct uwsgi_call *c)
{
	int number = uwsgi_signal_get_free();
	if (number < 0)
		return uwsgi_fail(c, UWSGI_EVALUE, "No free uwsgi signal available%s",
				  number == -ENOTCONN ? ": there is no master" : "");
	uwsgi_ret_int(c, number);
	return 0;
}

static int signal_registered(struct uwsgi_call *c)
{
	int number = number_arg(c, 0, "signal_registered");
	if (number < 0)
		return -1;
	if (uwsgi_signal_registered((uint8_t)number))
		uwsgi_ret_bool(c, true);
	return 0;
}

static int signal_received(struct uwsgi_call *c)
{
	uwsgi_ret_int(c, received);
	return 0;
}

/* Others wait for the same queues: to find nothing means to wait on. */
static int signal_wait(struct uwsgi_call *c)
{
	int64_t wanted = uwsgi_arg_int(c, 0);
	struct pollfd wait = { .fd = uwsgi_signal_fd(), .events = POLLIN };
	if (wait.fd < 0)
		return uwsgi_fail(c, UWSGI_ERUNTIME, "signal_wait(): no signal can reach this process");
	received = -1;
	for (;;) {
		int number = uwsgi_signal_handle();
		if (number >= 0 && (wanted < 0 || number == wanted)) {
			received = number;
			uwsgi_ret_bytes(c, "", 0);
			return 0;
		}
		if (number < 0 && poll(&wait, 1, -1) == -1 && errno != EINTR)
			return uwsgi_fail(c, UWSGI_EOS, "signal_wait(): %s", strerror(errno));
	}
}

/* ---- sources ---- */

static int add(struct uwsgi_call *c, const struct uwsgi_source *source, const char *what)
{
	int failed = uwsgi_source_add(source);
	if (failed == -ENOTCONN)
		return uwsgi_fail(c, UWSGI_EVALUE, "unable to add %s: there is no master", what);
	if (failed == -ERANGE)
		return uwsgi_fail(c, UWSGI_EVALUE,
				  "unable to add %s: no time is like that (minute 0 to 59, hour 0 to 23, day 1 to 31, "
				  "month 1 to 12, weekday 0 to 7; -1 any, -n every n)",
				  what);
	if (failed)
		return uwsgi_fail(c, UWSGI_EVALUE, "unable to add %s: %s", what, strerror(-failed));
	return 0;
}

static int add_every(struct uwsgi_call *c, const char *function, const char *what, int64_t unit_ms, int64_t times)
{
	int number = number_arg(c, 0, function);
	int64_t period = uwsgi_arg_int(c, 1);
	if (number < 0)
		return -1;
	if (period <= 0 || period > INT64_MAX / 1000)
		return uwsgi_fail(c, UWSGI_EVALUE, "unable to add %s: a period of %lld never ends", what,
				  (long long)period);
	if (times < 0)
		return uwsgi_fail(c, UWSGI_EVALUE, "unable to add %s: %lld times is not possible", what,
				  (long long)times);
	struct uwsgi_source source = {
		.type = UWSGI_SOURCE_TIMER, .number = (uint8_t)number, .period_ms = period * unit_ms, .times = times
	};
	return add(c, &source, what);
}

static int add_timer(struct uwsgi_call *c)
{
	return add_every(c, "add_timer", "timer", 1000, 0);
}

static int add_ms_timer(struct uwsgi_call *c)
{
	return add_every(c, "add_ms_timer", "timer", 1, 0);
}

static int add_rb_timer(struct uwsgi_call *c)
{
	return add_every(c, "add_rb_timer", "rb_timer", 1000, uwsgi_arg_int(c, 2));
}

static int add_cron(struct uwsgi_call *c)
{
	int number = number_arg(c, 0, "add_cron");
	if (number < 0)
		return -1;
	struct uwsgi_source source = { .type = UWSGI_SOURCE_CRON, .number = (uint8_t)number };
	for (unsigned i = 0; i < 5; i++) {
		int64_t field = uwsgi_arg_int(c, i + 1);
		source.cron[i] = (int16_t)(field > INT16_MAX || field < INT16_MIN ? INT16_MAX : field);
	}
	if (add(c, &source, "cron"))
		return -1;
	uwsgi_ret_bool(c, true);
	return 0;
}

static int add_file_monitor(struct uwsgi_call *c)
{
	int number = number_arg(c, 0, "add_file_monitor");
	struct uwsgi_str path = uwsgi_arg_str(c, 1);
	if (number < 0)
		return -1;
	struct uwsgi_source source = { .type = UWSGI_SOURCE_FILE, .number = (uint8_t)number };
	if (path.n == 0 || path.n >= sizeof source.path)
		return uwsgi_fail(c, UWSGI_EVALUE, "unable to add file monitor: a path has 1 to %zu bytes",
				  sizeof source.path - 1);
	memcpy(source.path, path.p, path.n);
	return add(c, &source, "file monitor");
}

static int add_probe(struct uwsgi_call *c)
{
	int number = number_arg(c, 0, "add_probe");
	const char *probe = uwsgi_arg_str(c, 1).p, *address = uwsgi_arg_str(c, 2).p;
	int64_t timeout = uwsgi_arg_int(c, 3), period = uwsgi_arg_int(c, 4);
	if (number < 0)
		return -1;
	struct uwsgi_source source = { .type = UWSGI_SOURCE_PROBE,
				       .number = (uint8_t)number,
				       .period_ms = period * 1000,
				       .timeout_ms = timeout * 1000 };
	if (strcmp(probe, "connect"))
		return uwsgi_fail(c, UWSGI_EVALUE,
				  "unable to add probe: there is none of the name \"%s\", only connect", probe);
	if (timeout < 1 || timeout > PROBE_MAX || period < 1 || period > PROBE_MAX)
		return uwsgi_fail(c, UWSGI_EVALUE, "unable to add probe: timeout and freq are 1 to %d seconds",
				  PROBE_MAX);
	int failed = uwsgi_address(address, source.path, sizeof source.path);
	if (failed)
		return uwsgi_fail(c, UWSGI_EVALUE, "unable to add probe: \"%s\" is no address", address);
	return add(c, &source, "probe");
}

/* clang-format off */
static const struct uwsgi_api_fn rows[] = {
	{ "register_signal", "(signum: int, target: str, handler: fn) -> None", "Call `handler` with the number whenever signal `signum` (0 to 255) is raised; `target` says where: '' or 'worker' the first free worker, 'workers' each, 'worker2' that one, likewise for other kinds of processes.", register_signal, 0 },
	{ "signal", "(signum: int, node: str = None) -> bool", "Raise a signal. True when it is in the queues of all its targets, False when it was refused, which is logged and counted. With a node, the address of another server's socket, it is raised there: OSError when it cannot be reached within 4 seconds, ValueError when it refuses.", raise_signal, UWSGI_FN_BLOCKS },
	{ "get_free_signal", "() -> int", "The first signal that is not registered. It is reserved for this process, or its successor, until it registers it.", get_free_signal, 0 },
	{ "signal_registered", "(signum: int) -> bool | None", "True when the signal has a handler or is reserved, else None. A process that loads the application, or begins again in the place of one that died, finds what was registered before by the same as not registered yet.", signal_registered, 0 },
	{ "signal_wait", "(signum: int = -1) -> bytes", "Wait for a signal of this process, or for that one, and run the handlers of those that come. Returns b''; signal_received() tells the number.", signal_wait, UWSGI_FN_BLOCKS },
	{ "signal_received", "() -> int", "Number of the signal this thread's last signal_wait() returned for.", signal_received, 0 },
	{ "add_timer", "(signum: int, seconds: int) -> None", "Raise a signal every so many seconds.", add_timer, 0 },
	{ "add_ms_timer", "(signum: int, milliseconds: int) -> None", "Raise a signal every so many milliseconds.", add_ms_timer, 0 },
	{ "add_rb_timer", "(signum: int, seconds: int, iterations: int = 0) -> None", "Raise a signal every so many seconds, so many times; 0: for ever.", add_rb_timer, 0 },
	{ "add_cron", "(signum: int, minute: int, hour: int, day: int, month: int, weekday: int) -> bool", "Raise a signal at these local times: -1 is any, -n every n; weekday 0 and 7 are Sunday; day and weekday both given mean either.", add_cron, 0 },
	{ "add_file_monitor", "(signum: int, path: str) -> None", "Raise a signal when the file, or anything in the directory, changes.", add_file_monitor, 0 },
	{ "add_probe", "(signum: int, probe: str, address: str, timeout: int = 4, freq: int = 1) -> None", "Raise a signal when somebody stops or begins to answer at an address: it is connected to every `freq` seconds (the probe 'connect') and taken for up until that fails or takes longer than `timeout` seconds. The name of a host is looked up once, here.", add_probe, UWSGI_FN_BLOCKS },
	{ 0 },
};
/* clang-format on */

const struct uwsgi_api_fn *api_signal_rows(void)
{
	return rows;
}
