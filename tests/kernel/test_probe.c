/* A probe tells of changes only; real sockets, no server. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "probe.h"

static struct uwsgi_loop *loop;
static char address[32];
static char told[16]; /* 'u' and 'd' */

static void on_change(void *data, bool up)
{
	(void)data;
	told[strlen(told)] = up ? 'u' : 'd';
}

/* Run until so many changes were told, or until the time is over. */
static void run(size_t changes, uint64_t ms)
{
	for (uint64_t end = uwsgi_now_ms() + ms; strlen(told) < changes && uwsgi_now_ms() < end;)
		loop_turn(loop, 5);
}

/* A listening socket on the address; the first call chooses a port. */
static int listen_there(int backlog)
{
	static struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t size = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	cr_assert_eq(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	cr_assert_eq(listen(fd, backlog), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(in.sin_port));
	return fd;
}

static struct probe *ask(bool down)
{
	const struct probe_spec spec = { address, 5, 50, down };
	struct probe *p = probe_create(loop, &spec, on_change, NULL);
	probe_start(p);
	return p;
}

static void set_up(void)
{
	loop = loop_create();
	memset(told, 0, sizeof told);
}

TestSuite(probe, .init = set_up);

Test(probe, says_nothing_while_somebody_answers)
{
	int fd = listen_there(100);
	struct probe *p = ask(false);
	run(1, 50);
	cr_assert_str_eq(told, "");
	probe_destroy(&p);
	close(fd);
}

Test(probe, says_once_that_nobody_answers_and_once_that_somebody_does)
{
	close(listen_there(100));
	struct probe *p = ask(false);
	run(1, 5000);
	cr_assert_str_eq(told, "d");
	cr_assert(probe_is_down(p));
	run(2, 50);
	cr_assert_str_eq(told, "d", "it is known");
	int fd = listen_there(100);
	run(2, 5000);
	cr_assert_str_eq(told, "du");
	cr_assert_not(probe_is_down(p));
	probe_destroy(&p);
	close(fd);
}

Test(probe, takes_who_does_not_answer_in_time_for_down)
{
	int fd = listen_there(0), clients[4];
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t size = sizeof in;
	getsockname(fd, (struct sockaddr *)&in, &size);
	for (int i = 0; i < 4; i++) { /* what nobody accepts fills the queue: the next one waits */
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(clients[i], (struct sockaddr *)&in, sizeof in);
	}
	struct probe *p = ask(false);
	run(1, 5000);
	cr_assert_str_eq(told, "d");
	probe_destroy(&p);
	for (int i = 0; i < 4; i++)
		close(clients[i]);
	close(fd);
}

Test(probe, knows_nothing_without_descriptors)
{
	struct rlimit few = { 0, 0 }, before;
	int fd = listen_there(100);
	struct probe *p = ask(false);
	getrlimit(RLIMIT_NOFILE, &before);
	few.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	run(1, 50);
	setrlimit(RLIMIT_NOFILE, &before);
	cr_assert_str_eq(told, "");
	close(fd);
	run(1, 5000);
	cr_assert_str_eq(told, "d", "it goes on asking");
	probe_destroy(&p);
}

Test(probe, goes_on_with_what_was_known)
{
	close(listen_there(100));
	struct probe *p = ask(true);
	run(1, 50);
	cr_assert_str_eq(told, "");
	probe_destroy(&p);
}

Test(probe, asks_nothing_when_it_is_stopped)
{
	close(listen_there(100));
	struct probe *p = ask(false);
	probe_stop(p);
	run(1, 50);
	cr_assert_str_eq(told, "");
	probe_destroy(&p);
}
