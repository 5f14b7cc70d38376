/* What the options say about a daemon, as text and as a description. */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon.h"

static struct daemon_spec spec;

Test(daemon_spec, reads_every_key)
{
	cr_assert_null(daemon_spec_parse("cmd=run --with=this,pidfile=/p,touch=/a /b,chdir=/c,uid=u,gid=7,freq=3,"
					 "stop_signal=15,reload_signal=1,max_throttle=60,control=1,stdin=1,ns_pid=true,"
					 "daemonize=1,notifypid=1",
					 &spec));
	cr_expect_str_eq(spec.command, "run --with=this");
	cr_expect_str_eq(spec.pidfile, "/p");
	cr_expect_str_eq(spec.touch, "/a /b");
	cr_expect_str_eq(spec.chdir, "/c");
	cr_expect_str_eq(spec.uid, "u");
	cr_expect_str_eq(spec.gid, "7");
	cr_expect_eq(spec.freq, 3);
	cr_expect_eq(spec.stop_signal, 15);
	cr_expect_eq(spec.reload_signal, 1);
	cr_expect_eq(spec.max_throttle, 60);
	cr_expect(spec.control && spec.honour_stdin && spec.ns_pid);
}

Test(daemon_spec, knows_the_other_spellings)
{
	static const char *const texts[] = { "command=x,stopsignal=2,reloadsignal=3",
					     "exec=x,stop_signal=2,reload_signal=3" };
	for (size_t i = 0; i < 2; i++) {
		cr_assert_null(daemon_spec_parse(texts[i], &spec));
		cr_expect_str_eq(spec.command, "x");
		cr_expect_eq(spec.stop_signal, 2);
		cr_expect_eq(spec.reload_signal, 3);
		cr_expect_eq(spec.freq, 10);
	}
}

Test(daemon_spec, lets_a_comma_be_part_of_a_command)
{
	cr_assert_null(daemon_spec_parse("cmd=tr a\\,b c\\\\d,control=0", &spec));
	cr_expect_str_eq(spec.command, "tr a,b c\\\\d");
	cr_expect_not(spec.control);
}

Test(daemon_spec, refuses_what_it_cannot_mean)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "key=value" },
		{ "sleep 5", "key=value" },
		{ "cmd=x,sleep", "key=value" },
		{ "cmd=", "command" },
		{ "pidfile=/p", "command" },
		{ "cmd=x,comand=y", "no such key" },
		{ "cmd=x,freq=often", "number" },
		{ "cmd=x,freq=", "number" },
		{ "cmd=x,stop_signal=-1", "number" },
		{ "cmd=x,stop_signal=65", "signal" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why = daemon_spec_parse(rows[i].text, &spec);
		cr_expect(why && strstr(why, rows[i].why), "\"%s\": %s", rows[i].text, why ? why : "accepted");
	}
}

Test(daemon_spec, reads_a_smart_one)
{
	cr_assert_null(daemon_spec_parse_smart("/run/x.pid  memcached -d -P /run/x.pid", &spec));
	cr_expect_str_eq(spec.pidfile, "/run/x.pid");
	cr_expect_str_eq(spec.command, "memcached -d -P /run/x.pid");
	cr_expect_not_null(daemon_spec_parse_smart("/run/x.pid", &spec));
	cr_expect_not_null(daemon_spec_parse_smart("/run/x.pid ", &spec));
}
