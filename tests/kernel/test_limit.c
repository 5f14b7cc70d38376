/* Limits: which processors a worker gets, what a mask is, and that each is set. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "limit.h"

static unsigned cpus_of(unsigned allowed_bits, int number, int width)
{
	cpu_set_t allowed, cpus;
	unsigned bits = 0;
	CPU_ZERO(&allowed);
	for (int i = 0; i < 32; i++)
		if (allowed_bits >> i & 1)
			CPU_SET(i, &allowed);
	limit_cpus(&allowed, number, width, &cpus);
	for (int i = 0; i < 32; i++)
		bits |= (unsigned)CPU_ISSET(i, &cpus) << i;
	return bits;
}

Test(limit, gives_each_worker_the_next_processors)
{
	static const struct {
		unsigned allowed;
		int number, width;
		unsigned cpus;
	} rows[] = {
		{ 0xf, 1, 1, 0x1 },   { 0xf, 2, 1, 0x2 },   { 0xf, 4, 1, 0x8 },		 { 0xf, 5, 1, 0x1 },
		{ 0xf, 1, 2, 0x3 },   { 0xf, 2, 2, 0xc },   { 0xf, 3, 2, 0x3 },		 { 0x7, 2, 2, 0x5 },
		{ 0xf0, 1, 1, 0x10 }, { 0xa0, 2, 1, 0x80 }, /* a container has what it was given, not the first ones */
		{ 0x3, 1, 9, 0x3 },   { 0x1, 7, 1, 0x1 },   { 0xf, 1000000000, 3, 0xe },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(cpus_of(rows[i].allowed, rows[i].number, rows[i].width), rows[i].cpus, "row %zu: %x", i,
			     cpus_of(rows[i].allowed, rows[i].number, rows[i].width));
}

Test(limit, reads_masks)
{
	static const struct {
		const char *text;
		int result, mask;
	} rows[] = {
		{ "027", 0, 027 },	{ "000", 0, 0 },	{ "0077", 0, 077 },	 { "777", 0, 0777 },
		{ "22", -EINVAL, -1 },	{ "", -EINVAL, -1 },	{ "1000", -EINVAL, -1 }, { "-22", -EINVAL, -1 },
		{ "0x1", -EINVAL, -1 }, { "089", -EINVAL, -1 }, { "02 7", -EINVAL, -1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int mask = -1;
		cr_expect_eq(limit_mask(rows[i].text, &mask), rows[i].result, "%s", rows[i].text);
		cr_expect_eq(mask, rows[i].mask, "%s", rows[i].text);
	}
}

Test(limit, has_a_mask_of_its_own_unless_that_is_to_be_as_before)
{
	umask(022);
	limit_set_umask(&(struct limits){ .umask = -1 }, true);
	cr_expect_eq(umask(022), 022);
	limit_set_umask(&(struct limits){ .umask = -1 }, false);
	cr_expect_eq(umask(022), 027);
	limit_set_umask(&(struct limits){ .umask = 0 }, true);
	cr_expect_eq(umask(022), 0);
}

Test(limit, sets_what_was_asked_for_and_nothing_else)
{
	struct rlimit before, after;
	getrlimit(RLIMIT_NPROC, &before);
	cr_assert_eq(limit_set(&(struct limits){ .max_fd = 60, .as = INT64_C(1) << 40, .prio = 3 }), 0);
	getrlimit(RLIMIT_NPROC, &after);
	cr_expect_eq(before.rlim_cur, after.rlim_cur);
	getrlimit(RLIMIT_NOFILE, &after);
	cr_expect_eq(after.rlim_cur, 60);
	getrlimit(RLIMIT_AS, &after);
	cr_expect_eq(after.rlim_cur, UINT64_C(1) << 40);
	cr_expect_eq(getpriority(PRIO_PROCESS, 0), 3);
}
