/* The request log: one line a request in uWSGI's form, batched, and not lost with the process that wrote it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../double/serve_double.h"
#include "reqlog.h"

static struct serve_double d;
static struct reqlog_rings *rings;
static struct reqlog *reqlog;
static int out;

static void begin(void)
{
	char path[] = "/tmp/test_reqlog_XXXXXX";
	serve_double_init(&d);
	out = mkstemp(path);
	unlink(path);
	fcntl(out, F_SETFL, O_APPEND);
	dup2(out, STDERR_FILENO);
	rings = reqlog_create(NULL, 2);
	reqlog = reqlog_open(rings, 1);
	cr_assert_not_null(reqlog);
	cr_assert_eq(reqlog_format(reqlog, &d.settings, 3), 0);
}

TestSuite(reqlog, .init = begin, .timeout = 30);

static const char *written(void)
{
	static char text[4 * 1024 * 1024];
	ssize_t n = pread(out, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static void add(const char *name, const char *value)
{
	uwsgi_request_add_var(d.req, uwsgi_key_intern(name, strlen(name)), (struct uwsgi_str){ name, strlen(name) },
			      (struct uwsgi_str){ value, strlen(value) });
}

/* A request for `uri`, answered with `status` and three bytes. */
static void answered(const char *uri, int status)
{
	serve_double_begin(&d);
	add("REQUEST_METHOD", "GET");
	add("REQUEST_URI", uri);
	add("SERVER_PROTOCOL", "HTTP/1.1");
	d.req->status = status;
	d.req->body_size = 3;
	d.req->header_count = 2;
	d.req->head_size = 79;
	d.req->started_us = uwsgi_micros();
}

static bool matches(const char *text, const char *pattern)
{
	regex_t re;
	cr_assert_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	bool yes = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

/* ---- the line ---- */

/* What the accept loop does with an answered request. */
static void tell(uint64_t total)
{
	uint64_t took_us = request_age_us(&d.core.req);
	if (reqlog_wants(&d.core.req, took_us))
		reqlog_request(reqlog, &d.core.req, took_us, total);
}

Test(reqlog, writes_the_line_of_uwsgi)
{
	char pattern[400];
	answered("/a?b=1", 200);
	add("REMOTE_ADDR", "10.0.0.1");
	add("REMOTE_USER", "joe");
	d.core.requests = 4;
	d.core.index = d.req->core = 2;
	tell(17);
	reqlog_flush(reqlog);
	snprintf(
		pattern, sizeof pattern,
		"^\\[pid: %d\\|app: 0\\|req: 4/17\\] 10\\.0\\.0\\.1 \\(joe\\) \\{10 vars in 110 bytes\\} "
		"\\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}\\] GET /a\\?b=1 => generated 3 bytes in "
		"[0-9]+ msecs \\(HTTP/1\\.1 200\\) 2 headers in 79 bytes \\(1 switches on core 2\\)\n$",
		getpid());
	cr_assert(matches(written(), pattern), "%s", written());
}

Test(reqlog, says_when_no_application_was_asked)
{
	answered("/", 400);
	d.core.req.failed = true;
	tell(17);
	reqlog_flush(reqlog);
	cr_assert(matches(written(), "^\\[pid: [0-9]+\\|app: -1\\|req: -1/17\\]"), "%s", written());
}

Test(reqlog, can_count_microseconds_and_believe_a_proxy)
{
	d.settings.log_micros = d.settings.log_x_forwarded_for = true;
	answered("/", 200);
	add("REMOTE_ADDR", "10.0.0.1");
	add("HTTP_X_FORWARDED_FOR", "192.0.2.7");
	tell(1);
	reqlog_flush(reqlog);
	cr_assert(matches(written(), "\\] 192\\.0\\.2\\.7 \\(\\).* bytes in [0-9]+ micros \\("), "%s", written());
}

Test(reqlog, takes_no_time_when_the_clock_is_set_back)
{
	answered("/", 200);
	d.req->started_us += 3600000000u;
	tell(1);
	reqlog_flush(reqlog);
	cr_assert(matches(written(), "bytes in 0 msecs"), "%s", written());
}

Test(reqlog, makes_one_line_of_whatever_a_client_sends)
{
	answered("/\r\n[pid: 1|fake]\x1b[2J\x7f", 200);
	tell(1);
	reqlog_flush(reqlog);
	cr_assert(strstr(written(), "GET /\?\?[pid: 1|fake]\?[2J\? =>"), "%s", written());
	cr_assert_eq(strchr(written(), '\n')[1], 0);
}

Test(reqlog, cuts_what_is_too_long_and_still_ends_the_line)
{
	static char uri[20000];
	memset(uri, 'x', sizeof uri - 1);
	answered(uri, 200);
	add("REMOTE_USER", uri);
	add("REMOTE_ADDR", uri);
	tell(1);
	reqlog_flush(reqlog);
	const char *text = written();
	cr_assert_leq(strlen(text), 4096);
	cr_assert_eq(strchr(text, '\n')[1], 0);
	cr_assert(strstr(text, "(1 switches on core 0)\n"));
}

/* ---- which requests ---- */

Test(reqlog, logs_the_requests_the_settings_want)
{
	static const struct {
		const char *what;
		struct settings settings;
		int status;
		uint64_t size, took_ms;
		bool always, wanted;
	} rows[] = {
		{ "all", { 0 }, 200, 3, 0, false, true },
		{ "none", { .disable_logging = true }, 200, 3, 0, false, false },
		{ "none, but the application says so", { .disable_logging = true }, 200, 3, 0, true, true },
		{ "4xx: 404", { .disable_logging = true, .log_4xx = true }, 404, 3, 0, false, true },
		{ "4xx: 399", { .disable_logging = true, .log_4xx = true }, 399, 3, 0, false, false },
		{ "4xx: 500", { .disable_logging = true, .log_4xx = true }, 500, 3, 0, false, false },
		{ "5xx: 500", { .disable_logging = true, .log_5xx = true }, 500, 3, 0, false, true },
		{ "5xx: 499", { .disable_logging = true, .log_5xx = true }, 499, 3, 0, false, false },
		{ "zero: none", { .disable_logging = true, .log_zero = true }, 200, 0, 0, false, true },
		{ "zero: some", { .disable_logging = true, .log_zero = true }, 200, 1, 0, false, false },
		{ "slow: slow", { .disable_logging = true, .log_slow = 1000 }, 200, 3, 2000, false, true },
		{ "slow: fast", { .disable_logging = true, .log_slow = 60000 }, 200, 3, 0, false, false },
		{ "big: big", { .disable_logging = true, .log_big = 100 }, 200, 100, 0, false, true },
		{ "big: small", { .disable_logging = true, .log_big = 100 }, 200, 99, 0, false, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		d.settings = rows[i].settings;
		d.settings.max_vars = 8;
		answered("/", rows[i].status);
		d.req->body_size = rows[i].size;
		d.req->started_us -= rows[i].took_ms * 1000;
		d.core.req.log_always = rows[i].always;
		tell(1);
		cr_expect_eq(reqlog_timeout(reqlog, uwsgi_now_ms()) >= 0, rows[i].wanted, "%s", rows[i].what);
		reqlog_flush(reqlog);
	}
}

/* ---- the ring ---- */

Test(reqlog, waits_a_little_before_it_writes)
{
	cr_assert_eq(reqlog_timeout(reqlog, uwsgi_now_ms()), -1);
	answered("/", 200);
	tell(1);
	cr_assert_str_eq(written(), "");
	int left = reqlog_timeout(reqlog, uwsgi_now_ms());
	cr_assert(left >= 0 && left <= 100);
	cr_assert_eq(reqlog_timeout(reqlog, uwsgi_now_ms() + 1000), 0);
	reqlog_flush(reqlog);
	cr_assert_str_neq(written(), "");
	cr_assert_eq(reqlog_timeout(reqlog, uwsgi_now_ms()), -1);
}

/* Every line from `from` to `to` is there, whole and in order. */
static void assert_lines(const char *text, int from, int to)
{
	for (int i = from; i < to; i++) {
		char uri[32];
		const char *end = strchr(text, '\n');
		cr_assert_not_null(end, "line %d is missing", i);
		snprintf(uri, sizeof uri, " GET /%d => ", i);
		cr_assert(!strncmp(text, "[pid: ", 6) && !strncmp(end - 2, "0)", 2));
		const char *found = strstr(text, uri);
		cr_assert(found && found < end, "line %d is %.*s", i, (int)(end - text), text);
		text = end + 1;
	}
	cr_assert_str_eq(text, "");
}

static void log_lines(int from, int to)
{
	for (int i = from; i < to; i++) {
		char uri[32];
		snprintf(uri, sizeof uri, "/%d", i);
		answered(uri, 200);
		tell(1);
	}
}

Test(reqlog, goes_round_its_ring_without_losing_a_byte)
{
	log_lines(0, 3000);
	reqlog_flush(reqlog);
	assert_lines(written(), 0, 3000);
}

Test(reqlog, survives_the_process_that_wrote_it)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		log_lines(0, 200);
		raise(SIGKILL);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status));
	struct reqlog *rescuer = reqlog_open(rings, 1);
	reqlog_flush(rescuer);
	assert_lines(written(), 0, 200);
	reqlog_flush(rescuer);
	assert_lines(written(), 0, 200);
	/* and the next process of the slot goes on behind it */
	reqlog = reqlog_open(rings, 1);
	cr_assert_eq(reqlog_format(reqlog, &d.settings, 3), 0);
	log_lines(200, 400);
	reqlog_flush(reqlog);
	assert_lines(written(), 0, 400);
}

Test(reqlog, leaves_the_rings_of_others_alone)
{
	log_lines(0, 1);
	reqlog_flush(reqlog_open(rings, 0));
	cr_assert_str_eq(written(), "");
}
