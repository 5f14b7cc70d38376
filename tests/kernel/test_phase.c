/* Phases: the options made of their tables, the order in which they run, and which failures count. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "option.h"
#include "phase.h"

static struct option_registry *options;
static struct phases *phases;
static char folder[] = "/tmp/test_phase.XXXXXX";

static void enter(void)
{
	options = option_registry_create();
	phases = phases_register(options);
	cr_assert(phases && mkdtemp(folder) && chdir(folder) == 0);
}

static void leave(void)
{
	unlink("trace");
	rmdir(folder);
	option_registry_destroy(&options);
}

TestSuite(phase, .init = enter, .fini = leave);

static int give(const char *name, const char *value)
{
	const struct uwsgi_option *option = option_find(options, name);
	cr_assert(option, "there is no %s", name);
	return option_apply(options, option, name, value, "test");
}

static const char *trace(void)
{
	static char text[256];
	FILE *file = fopen("trace", "r");
	size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
	text[n] = 0;
	if (file)
		fclose(file);
	unlink("trace");
	return text;
}

Test(phase, has_the_options_of_its_families)
{
	static const char *const there[] = { "hook-asap",      "exec-as-user-atexit", "mount-as-root",
					     "umount-in-jail", "call-post-app",	      "hook-accepting1-once",
					     "hook-as-gateway" };
	static const char *const missing[] = { "mount-as-user", "exec-accepting", "call-master-start", "hook-never" };
	for (size_t i = 0; i < sizeof there / sizeof *there; i++)
		cr_expect(option_find(options, there[i]), "%s", there[i]);
	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		cr_expect_not(option_find(options, missing[i]), "%s", missing[i]);
}

Test(phase, runs_hooks_first_and_the_families_in_their_order)
{
	give("call-as-user", "sync");
	give("exec-as-user", "echo 3 >>trace");
	give("hook-as-user", "appendn:trace 1");
	give("exec-as-user", "echo 4 >>trace");
	give("hook-as-user", "appendn:trace 2");
	cr_assert_eq(phase_run(phases, PHASE_AS_ROOT), 0);
	cr_expect_str_eq(trace(), "");
	cr_assert_eq(phase_run(phases, PHASE_AS_USER), 0);
	cr_expect_str_eq(trace(), "1\n2\n3\n4\n");
}

Test(phase, stops_at_a_failure_only_where_the_start_depends_on_it)
{
	give("hook-as-user", "unlink:missing");
	give("hook-as-user", "appendn:trace as-user");
	give("hook-accepting", "unlink:missing");
	give("hook-accepting", "appendn:trace accepting");
	cr_expect_eq(phase_run(phases, PHASE_AS_USER), -ENOENT);
	cr_expect_str_eq(trace(), "");
	cr_expect_eq(phase_run(phases, PHASE_ACCEPTING), 0);
	cr_expect_str_eq(trace(), "accepting\n");
}

Test(phase, knows_which_worker_is_accepting)
{
	give("hook-accepting", "append:trace a");
	give("hook-accepting-once", "append:trace o");
	give("hook-accepting1", "append:trace 1");
	give("hook-accepting1-once", "append:trace i");
	phase_run_accepting(phases, 1, 0);
	cr_expect_str_eq(trace(), "ao1i");
	phase_run_accepting(phases, 1, 1);
	cr_expect_str_eq(trace(), "a1");
	phase_run_accepting(phases, 2, 0);
	cr_expect_str_eq(trace(), "ao");
	phase_run_accepting(phases, 2, 3);
	cr_expect_str_eq(trace(), "a");
}

Test(phase, refuses_what_is_no_action)
{
	cr_expect_eq(give("hook-as-user", "exec"), -EINVAL);
	cr_expect_eq(give("hook-as-user", "fly:high"), -ENOENT);
}
