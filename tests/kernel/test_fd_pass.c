/* A descriptor goes to another process with its note, or stays where it is; one that cannot be taken is told. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd_pass.h"

static int to, from;

static void begin(void)
{
	int pair[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	to = pair[0];
	from = pair[1];
}

TestSuite(fd_pass, .init = begin, .timeout = 20);

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

Test(fd_pass, brings_what_was_sent_in_order)
{
	int ends[2], note = 0;
	char byte;
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(fd_pass_send(to, ends[1], 7), 0);
	cr_assert_not(is_open(ends[1]), "it is the receiver's");
	cr_assert_eq(fd_pass_send(to, dup(STDERR_FILENO), -8), 0);
	int fd = fd_pass_receive(from, &note);
	cr_assert_geq(fd, 0);
	cr_assert_eq(note, 7);
	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(write(fd, "x", 1), 1);
	cr_assert_eq(read(ends[0], &byte, 1), 1);
	cr_assert_geq(fd_pass_receive(from, &note), 0);
	cr_assert_eq(note, -8);
}

Test(fd_pass, waits_for_nothing)
{
	int note, fd, failed;
	cr_assert_eq(fd_pass_receive(from, &note), -EAGAIN);
	do
		failed = fd_pass_send(to, fd = dup(STDERR_FILENO), 0);
	while (!failed);
	cr_assert_eq(failed, -EAGAIN);
	cr_assert(is_open(fd), "it is still ours");
	cr_assert_geq(fd_pass_receive(from, &note), 0);
	cr_assert_eq(fd_pass_send(to, fd, 0), 0);
}

Test(fd_pass, takes_a_message_without_a_descriptor_for_none)
{
	int note;
	cr_assert_eq(send(to, "abcd", 4, 0), 4);
	cr_assert_eq(fd_pass_receive(from, &note), -EAGAIN);
}

Test(fd_pass, tells_of_one_there_was_no_room_for)
{
	int note, fd = dup(STDERR_FILENO);
	struct rlimit limit;
	cr_assert_eq(fd_pass_send(to, fd, 0), 0);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)fd; /* the lowest that is free */
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_eq(fd_pass_receive(from, &note), -EMFILE);
	cr_assert_eq(fd_pass_receive(from, &note), -EAGAIN);
}

Test(fd_pass, tells_of_a_receiver_that_is_gone)
{
	int fd = dup(STDERR_FILENO);
	close(from);
	cr_assert_eq(fd_pass_send(to, fd, 0), -EPIPE);
	cr_assert(is_open(fd));
}
