/* Templates of request lines: every variable, what is no variable, and bytes nobody should see raw. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../double/serve_double.h"
#include "logformat.h"

static struct serve_double d;
static struct logfacts facts;

static struct uwsgi_str str(const char *s)
{
	return (struct uwsgi_str){ s, strlen(s) };
}

static void add(const char *name, const char *value)
{
	uwsgi_request_add_var(d.req, uwsgi_key_intern(name, strlen(name)), str(name), str(value));
}

static void begin(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	serve_double_init(&d);
	d.settings.max_vars = 16;
	add("REQUEST_METHOD", "GET");
	add("REQUEST_URI", "/a?b=1");
	add("HTTP_HOST", "example.com");
	d.req->status = 404;
	d.req->body_size = 1000;
	d.req->head_size = 24;
	d.req->header_count = 3;
	d.req->content_length = 12;
	d.req->modifier1 = 9;
	d.req->core = 5;
	d.req->started_us = 1795272763123456u;
	facts = (struct logfacts){ .req = d.req,
				   .settings = &d.settings,
				   .took_us = 2345678,
				   .number = 7,
				   .total = 99,
				   .request_id = str("abc-1"),
				   .pid = 4321,
				   .worker = 2,
				   .vsz = 300 << 20,
				   .rss = 20 << 20 };
}

TestSuite(logformat, .init = begin, .timeout = 30);

static const char *rendered(const char *template)
{
	static struct logline line;
	struct logformat *format = logformat_compile(template, &d.settings);
	cr_assert_not_null(format);
	line.len = 0;
	logformat_render(format, &line, &facts);
	logformat_destroy(&format);
	cr_assert_eq(line.text[line.len - 1], '\n');
	line.text[line.len - 1] = 0;
	return line.text;
}

Test(logformat, fills_in_every_variable)
{
	static const struct {
		const char *template, *line;
	} rows[] = {
		{ "%(method) %(uri)", "GET /a?b=1" },
		{ "%(host) %(status)", "example.com 404" },
		{ "%(size)=%(rsize)+%(hsize) %(headers)", "1024=1000+24 3" },
		{ "%(micros) %(msecs) %(secs)", "2345678 2345 2" },
		{ "%(time) %(tmsecs) %(tmicros) %(epoch)", "1795272763 1795272763123 1795272763123456 1795272765" },
		{ "%(ctime)|%(ltime)|%(ftime)",
		  "Sat Nov 21 14:52:43 2026|21/Nov/2026:14:52:43 +0000|21/Nov/2026:14:52:43 +0000" },
		{ "%(pid) %(wid) %(core) %(switches)", "4321 2 5 1" },
		{ "%(vars) %(pktsize) %(cl)", "6 66 12" },
		{ "%(vsz) %(rss) %(vszM) %(rssM)", "314572800 20971520 300 20" },
		{ "%(modifier1) %(modifier2) %(werr) %(rerr) %(ioerr)", "9 0 0 0 0" },
		{ "%(var.HTTP_HOST) %(var.NOPE)", "example.com -" },
		{ "%(request_id)", "abc-1" },
		{ "%(user) %(uagent) %(referer) %(proto) %(nobody) %(metric.x)", "- - - - - -" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(rendered(rows[i].template), rows[i].line, "%s: %s", rows[i].template,
				 rendered(rows[i].template));
}

Test(logformat, takes_what_is_no_variable_for_text)
{
	static const char *const texts[] = { "",   "plain",	     "100%", "50% off",	 "%",
					     "%x", "%(never closed", "()",   "{\"a\":1}" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		cr_expect_str_eq(rendered(texts[i]), texts[i]);
	cr_expect_str_eq(rendered("%% %%(uri)"), "% %(uri)");
	cr_expect_str_eq(rendered("%()"), "-");
}

Test(logformat, shows_what_the_application_set)
{
	uwsgi_request_set_logvar(d.req, str("color"), str("red\n[pid: 1"));
	cr_expect_str_eq(rendered("%(color) %(uvar.color)"), "red?[pid: 1 red?[pid: 1");
}

Test(logformat, passes_text_through_strftime_when_asked)
{
	cr_expect_str_eq(rendered("%Y-%m-%d %(uri)"), "%Y-%m-%d /a?b=1");
	d.settings.logformat_strftime = true;
	cr_expect_str_eq(rendered("%Y-%m-%d %H:%M:%S %(uri) %%Y 5%"), "2026-11-21 14:52:43 /a?b=1 %Y 5%");
	cr_expect_str_eq(rendered("%-d%n%(status)"), "21?404");
}

Test(logformat, keeps_a_date_no_longer_than_it_is_true)
{
	struct logline line = { .len = 0 };
	struct logformat *format = logformat_compile("%(ltime)", &d.settings);
	logformat_render(format, &line, &facts);
	d.req->started_us += 1000000;
	line.len = 0;
	logformat_render(format, &line, &facts);
	cr_assert(!memcmp(line.text, "21/Nov/2026:14:52:44 +0000\n", line.len));
	logformat_destroy(&format);
}

Test(logformat, makes_control_bytes_harmless)
{
	add("HTTP_USER_AGENT", "a\r\nb\x1b[2J\x7f\tc");
	cr_expect_str_eq(rendered("<%(uagent)> <%(var.HTTP_USER_AGENT)>"), "<a\?\?b?[2J?\?c> <a\?\?b?[2J?\?c>");
}

Test(logformat, ends_a_line_that_is_too_long)
{
	static char uri[3000], template[400];
	memset(uri, 'u', sizeof uri - 1);
	add("HTTP_REFERER", uri);
	for (int i = 0; i < 20; i++)
		strcat(template, "%(referer) ");
	cr_assert_eq(strlen(rendered(template)), LOGLINE_MAX - 1);
}

Test(logformat, knows_when_the_memory_is_wanted)
{
	struct logformat *without = logformat_default(&d.settings), *with;
	d.settings.memory_report = true;
	with = logformat_default(&d.settings);
	struct logline line = { .len = 0 };
	cr_assert(!logformat_wants_memory(without));
	cr_assert(logformat_wants_memory(with));
	logformat_render(with, &line, &facts);
	const char *begins =
		"{address space usage: 314572800 bytes/300MB} {rss usage: 20971520 bytes/20MB} [pid: 4321|";
	cr_assert(!memcmp(line.text, begins, strlen(begins)));
	logformat_destroy(&with);
	logformat_destroy(&without);
	logformat_destroy(&without);
}
