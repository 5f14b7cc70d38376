/* The pipes of the log: what is written arrives once, in whole lines, whoever dies in between. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handover.h"
#include "log_pipe.h"

static int original;
static struct handover *handover;

/* What the process does that writes the log. */
static int read_to_the_end(int number)
{
	struct uwsgi_log_batch batch;
	int got;
	(void)number;
	while ((got = uwsgi_log_next(&batch, -1)) != -EPIPE)
		if (got == 1)
			uwsgi_log_raw(batch.text, batch.len);
	return 0;
}

static void begin(void)
{
	char path[] = "/tmp/test_log_pipe_XXXXXX";
	original = mkstemp(path);
	unlink(path);
	fcntl(original, F_SETFL, O_APPEND);
	dup2(original, STDOUT_FILENO);
	dup2(original, STDERR_FILENO);
	handover = handover_create();
	uwsgi_log_collect(read_to_the_end);
	cr_assert_eq(log_pipe_begin(handover), 0);
}

TestSuite(log_pipe, .init = begin, .timeout = 30);

/* What went to the descriptors of the start. */
static const char *outside(void)
{
	static char text[1024 * 1024];
	ssize_t n = pread(original, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static struct uwsgi_log_batch next(enum uwsgi_log_kind kind)
{
	struct uwsgi_log_batch batch;
	cr_assert_eq(uwsgi_log_next(&batch, 1000), 1);
	cr_assert_eq(batch.kind, kind);
	return batch;
}

static bool is(struct uwsgi_log_batch batch, const char *text)
{
	return batch.len == strlen(text) && !memcmp(batch.text, text, batch.len);
}

/* As a worker does. */
static void in_a_child(void (*fn)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		fn();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
}

static void say_hello(void)
{
	uwsgi_log("hello\n");
	(void)!write(STDOUT_FILENO, "printed", 7);
}

Test(log_pipe, gives_the_lines_of_all_processes)
{
	uwsgi_log("from the master\n");
	in_a_child(say_hello);
	cr_assert(is(next(UWSGI_LOG_LINES), "from the master\nhello\nprinted\n"));
	struct uwsgi_log_batch none;
	cr_assert_eq(uwsgi_log_next(&none, 0), 0);
}

static void write_much(void)
{
	char line[20001];
	memset(line, 'x', sizeof line);
	line[20000] = '\n';
	(void)!write(STDERR_FILENO, line, sizeof line);
}

Test(log_pipe, puts_a_long_message_together)
{
	in_a_child(write_much);
	struct uwsgi_log_batch batch = next(UWSGI_LOG_LINES);
	cr_assert_eq(batch.len, 20001);
	cr_assert_eq(memchr(batch.text, '\n', batch.len), batch.text + 20000);
}

Test(log_pipe, keeps_requests_apart_and_both_come)
{
	cr_assert(log_pipe_takes_requests());
	log_pipe_put_requests("id\tGET /\n", 9);
	uwsgi_log("line\n");
	struct uwsgi_log_batch one, two;
	cr_assert_eq(uwsgi_log_next(&one, 0), 1);
	cr_assert_eq(uwsgi_log_next(&two, 0), 1);
	cr_assert_neq(one.kind, two.kind);
}

static void take_one_and_die(void)
{
	struct uwsgi_log_batch batch;
	if (uwsgi_log_next(&batch, 1000) == 1)
		raise(SIGKILL);
}

Test(log_pipe, gives_a_successor_what_its_predecessor_was_not_done_with)
{
	uwsgi_log("one\n");
	in_a_child(take_one_and_die);
	uwsgi_log("two\n");
	cr_assert(is(next(UWSGI_LOG_LINES), "one\n"));
	cr_assert(is(next(UWSGI_LOG_LINES), "two\n"));
}

Test(log_pipe, takes_what_was_given_for_written_with_the_next_call)
{
	struct uwsgi_log_batch batch;
	uwsgi_log("one\n");
	next(UWSGI_LOG_LINES);
	cr_assert_eq(uwsgi_log_next(&batch, 0), 0);
	in_a_child(take_one_and_die);
	cr_assert_eq(uwsgi_log_next(&batch, 0), 0);
}

Test(log_pipe, tells_the_reader_what_the_master_wants)
{
	cr_assert_eq(uwsgi_log_reopen(), 0);
	next(UWSGI_LOG_REOPEN);
	uwsgi_log_reopen();
	uwsgi_log_rotate();
	uwsgi_log_rotate();
	next(UWSGI_LOG_ROTATE);
	struct uwsgi_log_batch none;
	cr_assert_eq(uwsgi_log_next(&none, 0), 0);
}

Test(log_pipe, lets_the_master_go_on_when_it_is_full)
{
	enum { LINES = 2000 };
	for (int i = 0; i < LINES; i++)
		uwsgi_log("line %d\n", i);
	cr_assert(strstr(outside(), "line 1999\n"), "nobody reads, and there is more than a pipe takes");
	char *all = calloc(1, 1024 * 1024);
	struct uwsgi_log_batch batch;
	while (uwsgi_log_next(&batch, 0) == 1)
		strncat(all, batch.text, batch.len);
	strcat(all, outside());
	for (int i = 0; i < LINES; i++) {
		char line[32];
		snprintf(line, sizeof line, "line %d\n", i);
		cr_assert(strstr(all, line), "%s is missing", line);
	}
	free(all);
}

Test(log_pipe, ends_when_everything_was_written)
{
	for (int i = 0; i < 100; i++)
		uwsgi_log("line %d\n", i);
	log_pipe_end();
	cr_assert(strstr(outside(), "line 0\n") && strstr(outside(), "line 99\n"));
	uwsgi_log("after the end\n");
	cr_assert(strstr(outside(), "after the end\n"));
	cr_assert_eq(uwsgi_log_reopen(), -ENOTCONN);
}

static int die(int number)
{
	struct uwsgi_log_batch batch;
	(void)number;
	uwsgi_log_next(&batch, 1000);
	raise(SIGKILL);
	return 0;
}

Test(log_pipe, writes_itself_what_no_reader_can)
{
	uwsgi_log_collect(die);
	uwsgi_log("one\n");
	log_pipe_put_requests("id\tGET /\n\tGET /2\n", 17);
	log_pipe_end();
	const char *text = outside();
	cr_assert(strstr(text, "one\n") && strstr(text, "GET /\nGET /2\n"), "%s", text);
	cr_assert(!strstr(text, "id"));
}

/* The next image, as far as memory and descriptors know. */
static void become_the_next_image(void)
{
	char number[16];
	snprintf(number, sizeof number, "%d", handover_seal(handover));
	setenv(HANDOVER_ENV, number, 1);
	handover = handover_create();
	cr_assert(handover_taken(handover));
}

Test(log_pipe, goes_on_in_the_next_image)
{
	uwsgi_log("before\n");
	become_the_next_image();
	cr_assert_eq(log_pipe_begin(handover), 0);
	uwsgi_log("after\n");
	cr_assert(is(next(UWSGI_LOG_LINES), "before\nafter\n"));
}

Test(log_pipe, stays_open_for_old_processes_when_the_next_image_wants_it_no_more)
{
	int old = dup(STDERR_FILENO);
	become_the_next_image();
	uwsgi_log_collect(NULL);
	cr_assert_eq(log_pipe_begin(handover), 0);
	cr_assert(!log_pipe_takes_requests());
	uwsgi_log("from the new one\n");
	cr_assert_str_eq(outside(), "from the new one\n");
	cr_assert_eq(write(old, "from an old one\n", 16), 16);
	log_pipe_end();
	cr_assert(strstr(outside(), "from an old one\n"));
}

Test(log_pipe_not, is_not_there_unless_it_was_asked_for)
{
	cr_assert_eq(log_pipe_begin(handover_create()), 0);
	cr_assert(!log_pipe_takes_requests());
	cr_assert_eq(uwsgi_log_rotate(), -ENOTCONN);
}
