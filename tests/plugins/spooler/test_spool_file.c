#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool_file.h"

static struct uwsgi_str str(const char *text)
{
	return (struct uwsgi_str){ text, strlen(text) };
}

static struct spool_packet packet;

Test(spool_file, writes_the_bytes_of_2_0)
{
	spool_packet_begin(&packet);
	cr_assert_eq(spool_packet_add(&packet, str("a"), str("b")), 0);
	cr_assert_eq(packet.len, 10);
	cr_assert_arr_eq(packet.bytes,
			 "\x11\x06\x00\x00\x01\x00"
			 "a\x01\x00"
			 "b",
			 10);
}

Test(spool_file, reads_what_2_0_wrote)
{
	char bytes[4096];
	struct spool_task task;
	FILE *file = fopen(WRITTEN_BY_2_0, "rb");
	cr_assert_not_null(file);
	size_t len = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	cr_assert_eq(spool_task_parse(bytes, len, &task), 0);
	cr_assert_eq(task.body.n, 9);
	cr_assert_arr_eq(task.body.p, "frames\n\0\xff", 9);
	struct uwsgi_str name = spool_task_value(&task, "filename"),
			 function = spool_task_value(&task, "ud_spool_func");
	cr_assert_eq(name.n, 7);
	cr_assert_arr_eq(name.p, "a b.avi", 7);
	cr_assert_eq(function.n, 12);
	cr_assert_arr_eq(function.p, "encode_video", 12);
	cr_assert_null(spool_task_value(&task, "body").p);
}

Test(spool_file, what_is_written_is_read_again)
{
	struct spool_task task;
	struct uwsgi_str pairs, key, value;
	spool_packet_begin(&packet);
	cr_assert_eq(spool_packet_add(&packet, str("key"), str("")), 0);
	cr_assert_eq(spool_packet_add(&packet, str("k"), (struct uwsgi_str){ "\0\xff", 2 }), 0);
	memcpy(packet.bytes + packet.len, "body", 4);
	cr_assert_eq(spool_task_parse((char *)packet.bytes, packet.len + 4, &task), 0);
	pairs = task.pairs;
	cr_assert(spool_task_next(&pairs, &key, &value));
	cr_assert(key.n == 3 && value.n == 0 && value.p);
	cr_assert(spool_task_next(&pairs, &key, &value));
	cr_assert(key.n == 1 && value.n == 2 && !memcmp(value.p, "\0\xff", 2));
	cr_assert_not(spool_task_next(&pairs, &key, &value));
	cr_assert(task.body.n == 4 && !memcmp(task.body.p, "body", 4));
}

Test(spool_file, refuses_what_does_not_fit)
{
	static char large[65536];
	memset(large, 'x', sizeof large);
	spool_packet_begin(&packet);
	cr_assert_eq(spool_packet_add(&packet, str(""), str("v")), -EINVAL);
	cr_assert_eq(spool_packet_add(&packet, str("k"), (struct uwsgi_str){ large, 65536 }), -E2BIG);
	cr_assert_eq(spool_packet_add(&packet, str("k"), (struct uwsgi_str){ large, 65531 }), -E2BIG);
	cr_assert_eq(packet.len, SPOOL_HEAD, "what was refused leaves no trace");
	cr_assert_eq(spool_packet_add(&packet, str("k"), (struct uwsgi_str){ large, 65530 }), 0);
	cr_assert_eq(packet.len, SPOOL_PACKET_MAX);
	cr_assert_eq(spool_packet_add(&packet, str("l"), str("")), -E2BIG);
}

Test(spool_file, takes_no_torn_task)
{
	struct spool_task task = { { NULL, 1 }, { NULL, 1 } };
	spool_packet_begin(&packet);
	spool_packet_add(&packet, str("key"), str("value"));
	for (size_t len = 0; len < packet.len; len++)
		cr_assert_eq(spool_task_parse((char *)packet.bytes, len, &task), -EBADMSG, "%zu bytes", len);
	cr_assert_eq(task.pairs.n, 1, "the result is untouched");
	cr_assert_eq(spool_task_parse((char *)packet.bytes, packet.len, &task), 0);
	static const struct {
		size_t at;
		unsigned char byte;
	} broken[] = { { 0, 0 }, { 1, 11 }, { 1, 13 }, { 3, 1 }, { 4, 0 }, { 4, 2 }, { 4, 200 }, { 9, 4 } };
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		unsigned char was = packet.bytes[broken[i].at];
		packet.bytes[broken[i].at] = broken[i].byte;
		cr_assert_eq(spool_task_parse((char *)packet.bytes, packet.len, &task), -EBADMSG, "case %zu", i);
		packet.bytes[broken[i].at] = was;
	}
}

Test(spool_file, a_task_without_pairs_is_one)
{
	struct spool_task task;
	cr_assert_eq(spool_task_parse("\x11\0\0\0", 4, &task), 0);
	cr_assert(task.pairs.n == 0 && task.body.n == 0);
}

Test(spool_file, names_are_those_of_2_0)
{
	char text[SPOOL_NAME_MAX];
	struct spool_name name = { "vm", 2552, 1, 367603211, 1795247127246722 };
	cr_assert_eq(spool_name_make(text, &name), strlen(text));
	cr_assert_str_eq(text, "uwsgi_spoolfile_on_vm_2552_1_367603211_1795247127_246722");
	cr_assert(spool_name_is_task(text));
	name.host = "a/b";
	spool_name_make(text, &name);
	cr_assert(spool_name_is_task(text), "a host cannot lead to another directory");
}

Test(spool_file, knows_tasks_and_priorities_by_name)
{
	static const struct {
		const char *name;
		int64_t priority;
		bool task, path;
	} cases[] = {
		{ "uwsgi_spoolfile_on_x", -1, true, true },
		{ "7/uwsgi_spoolfile_on_x", -1, false, true },
		{ "x/uwsgi_spoolfile_on_x", -1, false, false },
		{ "../uwsgi_spoolfile_on_x", -1, false, false },
		{ "7/8/uwsgi_spoolfile_on_x", -1, false, false },
		{ "7/../uwsgi_spoolfile_on_x", -1, false, false },
		{ "0", 0, false, false },
		{ "007", 7, false, false },
		{ "123456789", 123456789, false, false },
		{ "1234567890", -1, false, false },
		{ "", -1, false, false },
		{ "-1", -1, false, false },
		{ "1x", -1, false, false },
		{ ".state", -1, false, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_expect_eq(spool_priority_of(cases[i].name), cases[i].priority, "%s", cases[i].name);
		cr_expect_eq(spool_name_is_task(cases[i].name), cases[i].task, "%s", cases[i].name);
		cr_expect_eq(spool_path_is_task(cases[i].name), cases[i].path, "%s", cases[i].name);
	}
}
