/* Sockets a process was started with: found where systemd and an Emperor put them, taken by address, once. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inherit.h"

static struct inherited inherited;

/* A TCP socket on a free port of this machine, as descriptor `at`. */
static struct sockaddr_in place(int at, int backlog)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, len), 0);
	if (backlog >= 0)
		cr_assert_eq(listen(fd, backlog), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	if (fd != at) {
		cr_assert_eq(dup2(fd, at), at);
		close(fd);
	}
	return a;
}

static void announce(int fds, pid_t pid)
{
	char text[32];
	snprintf(text, sizeof text, "%d", fds);
	setenv("LISTEN_FDS", text, 1);
	snprintf(text, sizeof text, "%d", (int)pid);
	setenv("LISTEN_PID", text, 1);
}

static int take(struct sockaddr_in a)
{
	return inherit_take(&inherited, (struct sockaddr *)&a, sizeof a);
}

static void no_stdin(void)
{
	int fd = open("/dev/null", O_RDONLY);
	dup2(fd, STDIN_FILENO);
	close(fd);
}

TestSuite(inherit, .init = no_stdin);

Test(inherit, finds_a_listening_stdin_and_puts_dev_null_in_its_place)
{
	struct sockaddr_in a = place(STDIN_FILENO, 1);
	struct stat st;
	inherit_collect(&inherited, getpid());
	cr_assert_eq(inherited.count, 1);
	int fd = take(a);
	cr_assert_gt(fd, STDERR_FILENO);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_assert_eq(fstat(STDIN_FILENO, &st), 0);
	cr_expect(S_ISCHR(st.st_mode));
}

Test(inherit, leaves_a_stdin_that_does_not_listen)
{
	place(STDIN_FILENO, -1);
	inherit_collect(&inherited, getpid());
	cr_assert_eq(inherited.count, 0);
	struct stat st;
	cr_assert_eq(fstat(STDIN_FILENO, &st), 0);
	cr_expect(S_ISSOCK(st.st_mode));
}

/* Descriptor 3 is the test runner's: what is tried there is tried in a child, which answers with a bit for each truth.
 */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(fn());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int find_two(void)
{
	struct sockaddr_in first = place(3, 1), second = place(4, 1);
	announce(2, getpid());
	inherit_collect(&inherited, getpid());
	int truths = inherited.count == 2; /* one statement each: the order matters */
	truths |= (take(second) == 4) << 1;
	truths |= (take(first) == 3) << 2;
	truths |= (take(first) == -1) << 3;
	truths |= (!getenv("LISTEN_FDS") && !getenv("LISTEN_PID")) << 4;
	return truths;
}

Test(inherit, finds_what_systemd_counts_once_and_forgets_the_variables)
{
	cr_expect_eq(in_child(find_two), 31);
}

static int find_none(void)
{
	place(3, 1);
	announce(1, getppid());
	inherit_collect(&inherited, getpid());
	return inherited.count == 0;
}

Test(inherit, leaves_what_is_for_another_process)
{
	cr_expect_eq(in_child(find_none), 1);
}

Test(inherit, survives_any_count)
{
	announce(2000000000, getpid());
	inherit_collect(&inherited, getpid());
	announce(-1, getpid());
	inherit_collect(&inherited, getpid());
	cr_expect_eq(inherited.count, 0);
}

Test(inherit, takes_no_socket_of_another_address)
{
	struct sockaddr_in a = place(STDIN_FILENO, 1);
	inherit_collect(&inherited, getpid());
	a.sin_port = htons((uint16_t)(ntohs(a.sin_port) ^ 1));
	cr_expect_eq(take(a), -1);
	cr_expect_eq(inherited.count, 1);
}
