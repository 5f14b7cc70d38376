/* The names of namespaces.  Being in them: tests/e2e/test_jail.py. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>

#include "jail.h"

Test(jail, reads_namespaces)
{
	static const struct {
		const char *text;
		int flags;
	} rows[] = {
		{ "", 0 },
		{ "fs", CLONE_NEWNS },
		{ "mount", CLONE_NEWNS },
		{ "mnt", CLONE_NEWNS },
		{ "ns", CLONE_NEWNS },
		{ "ipc,net,pid", CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID },
		{ " uts, user,,cgroup ", CLONE_NEWUTS | CLONE_NEWUSER | CLONE_NEWCGROUP },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int flags = -1, length;
		const char *unknown;
		cr_expect_eq(jail_namespaces(rows[i].text, &flags, &unknown, &length), 0, "%s", rows[i].text);
		cr_expect_eq(flags, rows[i].flags, "%s", rows[i].text);
	}
}

Test(jail, points_at_the_name_nobody_knows)
{
	static const char *const texts[] = { "fs,nets", "fs,nets,pid", "nets" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		int flags = -1, length;
		const char *unknown;
		cr_expect_eq(jail_namespaces(texts[i], &flags, &unknown, &length), -EINVAL);
		cr_expect_eq(flags, -1);
		cr_expect(!strncmp(unknown, "nets", 4) && length == 4);
	}
}

Test(jail, is_closed_when_the_root_directory_is_another)
{
	cr_expect_not(jail_is_closed(&(struct jail){ .namespaces = CLONE_NEWNS }));
	cr_expect(jail_is_closed(&(struct jail){ .chroot = "/srv" }));
	cr_expect(jail_is_closed(&(struct jail){ .pivot_root = "/srv /srv/old" }));
}
