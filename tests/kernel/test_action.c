/* Actions: how they are written, what their flags mean, and why they fail. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>

#include "action.h"

Test(action, is_a_name_a_colon_and_arguments)
{
	static const struct {
		const char *text;
		int result;
		const char *args;
		bool is_private;
	} rows[] = {
		{ "exec:echo a:b", 0, "echo a:b", false },
		{ "!exec:echo", 0, "echo", true },
		{ "exit:", 0, "", false },
		{ "exec", -EINVAL, NULL, false },
		{ "", -EINVAL, NULL, false },
		{ "!", -EINVAL, NULL, false },
		{ ":x", -ENOENT, NULL, false },
		{ "exe:x", -ENOENT, NULL, false },
		{ "execs:x", -ENOENT, NULL, false },
		{ " exec:x", -ENOENT, NULL, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct action action = { 0 };
		cr_assert_eq(action_parse(rows[i].text, &action), rows[i].result, "%s", rows[i].text);
		if (rows[i].result)
			continue;
		cr_expect_str_eq(action.args, rows[i].args);
		cr_expect_eq(action.is_private, rows[i].is_private);
	}
}

Test(action, reads_the_flags_of_mounts)
{
	unsigned long flags = 1;
	int how = 1;
	cr_expect_eq(action_mount_flags("", &flags), 0);
	cr_expect_eq(flags, 0);
	cr_expect_eq(action_mount_flags("bind,ro nosuid,", &flags), 0);
	cr_expect_eq(flags, MS_BIND | MS_RDONLY | MS_NOSUID);
	cr_expect_eq(action_mount_flags("bind,fly", &flags), -EINVAL);
	cr_expect_eq(action_umount_flags("rec,force", &how), 0);
	cr_expect_eq(how, MNT_DETACH | MNT_FORCE);
	cr_expect_eq(action_umount_flags("bind", &how), -EINVAL);
}

static int run(const char *text, char *why)
{
	struct action action;
	cr_assert_eq(action_parse(text, &action), 0, "%s", text);
	return action_run(&action, "test", true, why);
}

Test(action, says_why_it_failed)
{
	static const struct {
		const char *text;
		int result;
		const char *why;
	} rows[] = {
		{ "print:x", 0, "" },
		{ "exec:exit 3", -ECHILD, "it ended with status 3" },
		{ "exec:kill -9 $$", -ECHILD, "it was killed by signal 9 (Killed)" },
		{ "exec:no-such-program 2>/dev/null", -ECHILD, "it ended with status 127" },
		{ "cd:/no/such", -ENOENT, "No such file or directory" },
		{ "mkdir:/dev/null", -EEXIST, "File exists" },
		{ "chmod:/no 9z", -EINVAL, "it is written chmod:FILE MODE, octal" },
		{ "putenv:x", -EINVAL, "it is written putenv:NAME=VALUE" },
		{ "writefifo:/no/such x", -ENOENT, "No such file or directory" },
		{ "call:", -ENOENT, "there is no function \"\" in this program" },
		{ "umount:/no/such,fly", -EINVAL, "it is written umount:DIRECTORY[,rec|detach|force]" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char why[ACTION_WHY] = "before";
		cr_expect_eq(run(rows[i].text, why), rows[i].result, "%s", rows[i].text);
		cr_expect_str_eq(why, rows[i].why);
	}
}

Test(action, gives_a_signal_another_meaning)
{
	char why[ACTION_WHY];
	cr_expect_eq(action_signal(SIGTERM), 0);
	cr_expect_eq(run("unix_signal:15 gracefully_kill_them_all", why), 0);
	cr_expect_eq(action_signal(SIGTERM), 'q');
	cr_expect_eq(run("unix_signal:1 reap_them_all", why), 0);
	cr_expect_eq(action_signal(SIGHUP), 'R');
	cr_expect_eq(run("unix_signal:11 kill_them_all", why), -EINVAL);
	cr_expect_eq(run("unix_signal:1 dance", why), -ENOENT);
	cr_expect_eq(action_signal(SIGHUP), 'R');
	cr_expect_eq(action_signal(-1), 0);
	cr_expect_eq(action_signal(1000), 0);
}
