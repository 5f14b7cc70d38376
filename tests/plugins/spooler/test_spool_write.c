/* A task appears whole, under its final name, and over the file of another nothing of that is left. */
#include <errno.h>

#include "spool_folder.h"
#include "spool_spare.h"
#include "spool_write.h"

static struct spool_packet packet;

static void begin(void)
{
	folder_make();
	make_packet(&packet, "id", "1");
}

TestSuite(spool_write, .init = begin, .fini = folder_remove, .timeout = 20);

static void expect_file(const char *path, const char *body)
{
	char bytes[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, sizeof bytes);
	close(fd);
	cr_assert_eq(n, (ssize_t)(packet.len + strlen(body)));
	cr_assert(!memcmp(bytes, packet.bytes, packet.len) && !memcmp(bytes + packet.len, body, strlen(body)));
}

static void expect_nothing_aside(const char *name, void *data)
{
	(void)data;
	cr_assert_fail("%s is left", name);
}

Test(spool_write, it_has_the_pairs_the_body_its_priority_and_its_time)
{
	char path[PATH_MAX], begins[64];
	struct stat st;
	const struct spool_target target = { .path = folder, .priority = 7, .at = 2000000000 };
	cr_assert_eq(spool_write(&target, &packet, (struct uwsgi_str){ "body", 4 }, path), 0);
	snprintf(begins, sizeof begins, "%s/7/" SPOOL_PREFIX, folder);
	cr_assert_eq(strncmp(path, begins, strlen(begins)), 0, "%s", path);
	expect_file(path, "body");
	cr_assert_eq(stat(path, &st), 0);
	cr_assert(st.st_mtim.tv_sec == 2000000000 && (st.st_mode & 07777) == 0600);
	spool_dir_each_state(&dir, SPOOL_NEW, expect_nothing_aside, NULL);
}

Test(spool_write, over_a_spare_of_any_length_nothing_of_it_is_left)
{
	static char long_before[3000];
	char path[PATH_MAX];
	struct spool_target target = {
		.path = folder, .spares = spool_spares_create(folder, NULL), .priority = -1, .at = -1
	};
	const size_t lengths[] = { 0, packet.len - 1, packet.len + 2, packet.len + 3, sizeof long_before };
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct stat before, after;
		write_file(A, long_before, lengths[i]);
		cr_assert_eq(fstatat(dir.fd, A, &before, 0), 0);
		cr_assert_eq(spool_spares_put(target.spares, &dir, A), 0);
		cr_assert_eq(spool_write(&target, &packet, (struct uwsgi_str){ "end", 3 }, path), 0);
		expect_file(path, "end");
		cr_assert_eq(stat(path, &after), 0);
		cr_assert_eq(before.st_ino, after.st_ino, "the spare was used");
		cr_assert_eq(unlink(path), 0);
	}
}

Test(spool_write, a_spare_that_somebody_removed_is_no_hindrance)
{
	char path[PATH_MAX];
	struct spool_target target = {
		.path = folder, .spares = spool_spares_create(folder, NULL), .priority = -1, .at = -1
	};
	write_task(A);
	cr_assert_eq(spool_spares_put(target.spares, &dir, A), 0);
	cr_assert_eq(system("rm -f .state/new_spare_*"), 0);
	cr_assert_eq(spool_write(&target, &packet, (struct uwsgi_str){ "", 0 }, path), 0);
	expect_file(path, "");
}

Test(spool_write, where_it_cannot_be_written_there_is_no_task)
{
	char path[PATH_MAX];
	const struct spool_target target = { .path = folder, .priority = 7, .at = -1 };
	write_file("7", "a file", 6);
	cr_assert_lt(spool_write(&target, &packet, (struct uwsgi_str){ "body", 4 }, path), 0);
	cr_assert_eq(access(path, F_OK), -1);
	spool_dir_each_state(&dir, SPOOL_NEW, expect_nothing_aside, NULL);
}
