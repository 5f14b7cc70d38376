/* Files whose lock is held, waited for, or refused; real files and processes, no server. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cause.h"
#include "flock.h"
#include "handover.h"
#include "option.h"

#include <uwsgi/shm.h>

static char path[64];
static struct handover *handover;
static struct option_registry *options;

static void set_up(void)
{
	strcpy(path, "/tmp/flock.XXXXXX");
	close(mkstemp(path));
	cause_init(uwsgi_shm_alloc(CAUSE_SIZE));
	handover = handover_create();
	options = option_registry_create();
	cr_assert_eq(flock_register(options), 0);
}

static void tear_down(void)
{
	unlink(path);
}

TestSuite(flock, .init = set_up, .fini = tear_down);

static void configure(const char *option)
{
	cr_assert_eq(option_apply(options, option_find(options, option), option, path, "a test"), 0);
}

/* Can somebody else have it? */
static bool is_free(void)
{
	int fd = open(path, O_RDONLY);
	bool free = flock(fd, LOCK_EX | LOCK_NB) == 0;
	close(fd);
	return free;
}

/* A process that has it until its end; the pipe to end it. */
static int let_another_hold_it(void)
{
	int ready[2], end[2];
	char byte;
	cr_assert_eq(pipe(ready) | pipe(end), 0);
	if (fork() == 0) {
		close(end[1]);
		flock(open(path, O_RDONLY), LOCK_EX);
		(void)!write(ready[1], "x", 1);
		(void)!read(end[0], &byte, 1);
		_exit(0);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	return end[1];
}

Test(flock, is_held_once_its_time_has_come)
{
	configure("flock2");
	cr_assert_eq(flock_take(handover, FLOCK_FIRST), 0);
	cr_assert(is_free());
	cr_assert_eq(flock_take(handover, FLOCK_LATER), 0);
	cr_assert_not(is_free());
}

Test(flock, makes_a_file_that_is_missing)
{
	unlink(path);
	configure("flock");
	cr_assert_eq(flock_take(handover, FLOCK_FIRST), 0);
	cr_assert_not(is_free());
}

Test(flock, of_one_file_is_one_however_often_it_is_configured)
{
	configure("flock");
	configure("flock-wait");
	configure("flock-wait2");
	cr_assert_eq(flock_take(handover, FLOCK_FIRST), 0);
	cr_assert_eq(flock_take(handover, FLOCK_LATER), 0);
}

Test(flock, is_refused_when_somebody_has_it)
{
	configure("flock");
	let_another_hold_it();
	cr_assert_eq(flock_take(handover, FLOCK_FIRST), -EWOULDBLOCK);
	cr_assert_not_null(strstr(cause_get(), "another process holds the lock"));
}

Test(flock, is_waited_for)
{
	configure("flock-wait");
	int end = let_another_hold_it();
	if (fork() == 0) {
		poll(NULL, 0, 20);
		_exit(write(end, "x", 1) != 1);
	}
	cr_assert_eq(flock_take(handover, FLOCK_FIRST), 0);
	cr_assert_not(is_free());
}

Test(flock, is_never_waited_for_at_a_reload)
{
	configure("flock-wait");
	let_another_hold_it();
	cr_assert_eq(flock_take(handover, FLOCK_RELOAD), -EWOULDBLOCK);
}

/* What the next image finds of a server that holds the lock. */
static struct handover *hold_and_reload(void)
{
	char number[16];
	configure("flock");
	cr_assert_eq(flock_take(handover, FLOCK_FIRST), 0);
	snprintf(number, sizeof number, "%d", handover_seal(handover));
	setenv(HANDOVER_ENV, number, 1);
	return handover_create();
}

Test(flock, goes_on_in_the_next_image)
{
	struct handover *next = hold_and_reload();
	cr_assert_eq(flock_take(next, FLOCK_RELOAD), 0);
	handover_finish(next);
	cr_assert_not(is_free());
}

Test(flock, ends_with_a_reload_whose_configuration_has_it_no_more)
{
	handover_finish(hold_and_reload());
	cr_assert(is_free());
}
