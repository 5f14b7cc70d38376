/* What a service manager is told, on a real socket. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop.h"
#include "notify.h"

static char got[1024];

/* A service manager's socket, in the environment. */
static int manager(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char name[64];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int n = snprintf(name, sizeof name, "@notify-test-%d", (int)getpid());
	memcpy(at.sun_path + 1, name + 1, (size_t)n - 1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)),
		     0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static const char *received(int fd)
{
	ssize_t n = recv(fd, got, sizeof got - 1, 0);
	got[n > 0 ? n : 0] = 0;
	return got;
}

Test(notify, tells_ready_with_the_masters_number)
{
	char expected[128];
	int fd = manager();
	struct notify *n = notify_create(loop_create());
	notify_ready(n, "generation 1 answers");
	snprintf(expected, sizeof expected, "READY=1\nSTATUS=generation 1 answers\nMAINPID=%d\n", (int)getpid());
	cr_assert_str_eq(received(fd), expected);
	cr_assert_null(getenv("NOTIFY_SOCKET"), "the application is not the service");
}

Test(notify, tells_since_when_it_reloads)
{
	char text[128];
	int n = notify_format(text, sizeof text, "RELOADING=1", NULL, 42);
	cr_assert_eq(n, (int)strlen(text));
	cr_assert_str_eq(text, "RELOADING=1\nMONOTONIC_USEC=42\n");
}

Test(notify, tells_that_it_stops)
{
	int fd = manager();
	notify_stopping(notify_create(loop_create()));
	cr_assert_str_eq(received(fd), "STOPPING=1\nSTATUS=finishing requests\n");
}

Test(notify, feeds_the_watchdog_twice_a_period)
{
	int fd = manager();
	struct uwsgi_loop *loop = loop_create();
	setenv("WATCHDOG_USEC", "40000", 1);
	notify_create(loop);
	while (!*received(fd))
		loop_turn(loop, 1000);
	cr_assert_str_eq(got, "WATCHDOG=1\n");
	cr_assert_leq(loop_timeout(loop), 20);
	cr_assert_geq(loop_timeout(loop), 0);
}

Test(notify, leaves_the_watchdog_of_another_process_alone)
{
	struct uwsgi_loop *loop = loop_create();
	manager();
	setenv("WATCHDOG_USEC", "40000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	notify_create(loop);
	cr_assert_eq(loop_timeout(loop), -1);
}

Test(notify, without_a_manager_nothing_is_sent)
{
	unsetenv("NOTIFY_SOCKET");
	struct notify *n = notify_create(loop_create());
	notify_ready(n, "x");
	notify_stopping(n);
}

Test(notify, cuts_what_is_too_long)
{
	char text[16];
	int n = notify_format(text, sizeof text, "READY=1", "a status of many words", 0);
	cr_assert_eq(n, 15);
	cr_assert_eq(strlen(text), 15);
}
