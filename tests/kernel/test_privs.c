/* Users and groups: by name, by number, and never by mistake. */
#include <criterion/criterion.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privs.h"

#define NOBODY ((uid_t)-1)

Test(privs, reads_names_and_numbers)
{
	static const struct {
		const char *text;
		int result;
		unsigned id;
	} rows[] = {
		{ "root", 0, 0 },
		{ "0", 0, 0 },
		{ "1000", 0, 1000 },
		{ "65534", 0, 65534 },
		{ "007", 0, 7 },
		{ NULL, 0, NOBODY },
		{ "4294967294", 0, 4294967294u },
		/* what a careless reading would take for root, or for "leave it as it is" */
		{ "4294967295", -ENOENT, NOBODY },
		{ "4294967296", -ENOENT, NOBODY },
		{ "-1", -ENOENT, NOBODY },
		{ "-0", -ENOENT, NOBODY },
		{ "+0", -ENOENT, NOBODY },
		{ " 0", -ENOENT, NOBODY },
		{ "0 ", -ENOENT, NOBODY },
		{ "", -ENOENT, NOBODY },
		{ "0x0", -ENOENT, NOBODY },
		{ "no-such-name", -ENOENT, NOBODY },
		{ "99999999999999999999999999", -ENOENT, NOBODY },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *text = rows[i].text ? rows[i].text : "NULL";
		uid_t uid = 42;
		gid_t gid = 42;
		cr_expect_eq(privs_uid(rows[i].text, &uid), rows[i].result, "uid %s", text);
		cr_expect_eq(uid, rows[i].id, "uid %s is %u", text, uid);
		cr_expect_eq(privs_gid(rows[i].text, &gid), rows[i].result, "gid %s", text);
		cr_expect_eq(gid, rows[i].id, "gid %s is %u", text, gid);
	}
}

static int drop(const char *uid, const char *gid, const char *add)
{
	const char *names[] = { add };
	const struct privs p = { .uid = uid, .gid = gid, .add_gid = { names, add ? 1 : 0 } };
	return privs_drop(&p, PRIVS_START);
}

Test(privs, does_nothing_when_nothing_is_asked)
{
	uid_t uid = getuid();
	cr_assert_eq(drop(NULL, NULL, NULL), 0);
	cr_assert_eq(getuid(), uid);
}

Test(privs, refuses_a_name_nobody_has)
{
	cr_assert_eq(drop("no-such-name", NULL, NULL), -ENOENT);
	cr_assert_eq(drop(NULL, "no-such-name", NULL), -ENOENT);
}

/* In a child: does it become exactly this, for good?  True as well for one who is not root and stays who he is. */
static bool becomes(const char *uid, const char *gid, const char *add, uid_t want_uid, gid_t want_gid, int want_groups)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		gid_t groups[64];
		int failed = drop(uid, gid, add);
		int count = getgroups(64, groups);
		_exit(failed || getuid() != want_uid || geteuid() != want_uid || getgid() != want_gid ||
		      (want_groups >= 0 && count != want_groups) || (want_uid && setuid(0) == 0));
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

Test(privs, gives_up_root_for_good)
{
	if (getuid() != 0) {
		cr_assert(becomes("65534", "65534", NULL, getuid(), getgid(), -1));
		return;
	}
	const struct passwd *nobody = getpwuid(65534);
	gid_t its_group = nobody ? nobody->pw_gid : getgid();
	cr_expect(becomes("12345", "23456", NULL, 12345, 23456, 0), "numbers nobody has");
	cr_expect(becomes("12345", "23456", "7", 12345, 23456, 1), "and one group more");
	cr_expect(becomes("65534", NULL, NULL, 65534, its_group, -1), "the group of the user");
	cr_expect(becomes(NULL, "23456", NULL, 0, 23456, 0), "the group alone");
	cr_expect_not(becomes("12345", "23456", "no-such-name", 12345, 23456, -1), "an unknown group more");
}

Test(privs, reads_capabilities)
{
	uint64_t caps = 0;
	const char *unknown;
	int length;
	cr_assert_eq(privs_caps("net_bind_service,CAP_CHOWN cap_kill,", &caps, &unknown, &length), 0);
	cr_expect_eq(caps, UINT64_C(1) << CAP_NET_BIND_SERVICE | 1 << CAP_CHOWN | 1 << CAP_KILL);
	cr_assert_eq(privs_caps("", &caps, &unknown, &length), 0);
	cr_expect_eq(caps, 0);
	const char *text = "chown,fly,kill";
	cr_assert_eq(privs_caps(text, &caps, &unknown, &length), -EINVAL);
	cr_expect_eq(unknown - text, 6);
	cr_expect_eq(length, 3);
}

Test(privs, waits_for_its_moment)
{
	const struct privs child = { .uid = "no-such-name", .master_as_root = true };
	cr_expect_eq(privs_drop(&child, PRIVS_START), 0);
	cr_expect_eq(privs_drop(&child, PRIVS_CHILD), -ENOENT);
	const struct privs late = { .uid = "no-such-name", .master_as_root = true, .drop_after_apps = true };
	cr_expect_eq(privs_drop(&late, PRIVS_CHILD), 0);
	cr_expect_eq(privs_drop(&late, PRIVS_LOADED), -ENOENT);
}

Test(privs, lets_no_application_be_root_unless_that_is_meant)
{
	static const struct {
		struct privs privs;
		bool compat, fine;
	} rows[] = {
		{ { 0 }, false, false },
		{ { 0 }, true, true },
		{ { .allow_root = true }, false, true },
		{ { .uid = "1" }, false, false }, /* it should have dropped by now */
		{ { .uid = "1", .master_as_root = true }, false, true },
		{ { .uid = "1", .drop_after_apps = true }, false, true },
		{ { .uid = "0", .master_as_root = true }, false, false },
		{ { .gid = "1", .master_as_root = true }, false, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(privs_check_root(&rows[i].privs, rows[i].compat) == 0, rows[i].fine || geteuid() != 0,
			     "row %zu", i);
}
