/* What a vassal hears and says; its Emperor is the other end of a socket pair. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handover.h"
#include "kernel.h"
#include "loop.h"
#include "option.h"
#include "proc.h"
#include "vassal.h"

static const struct uwsgi_kind worker = { .name = "worker" };
static struct kernel k;
static int emperor;
static enum { NOTHING, STOP, FAST_STOP, RELOAD } done;

static void stop(void *data, bool fast)
{
	cr_expect_eq(data, &k);
	done = fast ? FAST_STOP : STOP;
}

static void reload(void *data)
{
	cr_expect_eq(data, &k);
	done = RELOAD;
}

static const struct vassal_duties duties = { stop, reload, &k };

static void begin(void)
{
	char number[16];
	int pair[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	emperor = pair[0];
	snprintf(number, sizeof number, "%d", pair[1]);
	setenv("UWSGI_EMPEROR_FD", number, 1);
	k.loop = loop_create();
	k.table = proc_table_create(NULL, 4);
	cr_assert_eq(proc_kind_add(k.table, &worker), 0);
	k.handover = handover_create();
	k.vassal = vassal_create(k.handover);
}

TestSuite(vassal, .init = begin, .timeout = 20);

static char said(void)
{
	char byte = 0;
	return recv(emperor, &byte, 1, MSG_DONTWAIT) == 1 ? byte : -1;
}

static int obeyed(char byte)
{
	done = NOTHING;
	cr_assert_eq(write(emperor, &byte, 1), 1);
	loop_turn(k.loop, 1000);
	return (int)done;
}

Test(vassal, takes_its_descriptor_out_of_the_environment_and_from_its_children)
{
	cr_expect_null(getenv("UWSGI_EMPEROR_FD"));
	cr_expect(fcntl(vassal_fd(k.vassal), F_GETFD) & FD_CLOEXEC);
}

Test(vassal, is_its_own_master_without_an_emperor)
{
	static const char *const numbers[] = { "999", "0", "-1", "", "nonsense", "99999999999999999999" };
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		setenv("UWSGI_EMPEROR_FD", numbers[i], 1);
		struct kernel alone = { .vassal = vassal_create(handover_create()) };
		cr_expect_eq(vassal_fd(alone.vassal), -1, "\"%s\"", numbers[i]);
		cr_expect_eq(vassal_start(&alone, &duties), 0);
		vassal_say(alone.vassal, VASSAL_ACCEPTING);
	}
}

Test(vassal, says_that_it_is_there)
{
	cr_assert_eq(vassal_start(&k, &duties), 0);
	cr_expect_eq(said(), VASSAL_SPAWNED);
	vassal_say(k.vassal, VASSAL_ACCEPTING);
	cr_expect_eq(said(), VASSAL_ACCEPTING);
	cr_expect_eq(said(), -1);
}

Test(vassal, obeys_each_word_and_no_other)
{
	cr_assert_eq(vassal_start(&k, &duties), 0);
	cr_expect_eq(obeyed(0), STOP);
	cr_expect_eq(obeyed(1), RELOAD);
	cr_expect_eq(obeyed(2), STOP);
	cr_expect_eq(obeyed(3), NOTHING);
	cr_expect_eq(obeyed((char)255), NOTHING);
}

Test(vassal, ends_when_its_emperor_is_gone)
{
	cr_assert_eq(vassal_start(&k, &duties), 0);
	close(emperor);
	loop_turn(k.loop, 1000);
	cr_expect_eq(done, FAST_STOP);
	cr_expect_eq(vassal_fd(k.vassal), -1);
}

Test(vassal, announces_its_loyalty_once_after_the_first_request)
{
	cr_assert_eq(vassal_start(&k, &duties), 0);
	cr_assert_eq(said(), VASSAL_SPAWNED);
	loop_turn(k.loop, 1500);
	cr_expect_eq(said(), -1, "no request yet");
	struct proc_slot *slot = proc_slot_take(k.table, 0, 1, 1, NULL);
	proc_event(slot, PROC_EV_FORK);
	slot->delta_requests = 1;
	loop_turn(k.loop, 1500);
	cr_expect_eq(said(), VASSAL_LOYAL);
	cr_expect_eq(loop_timeout(k.loop), -1, "it looks no more");
}

Test(vassal, beats_when_it_was_told_to)
{
	struct option_registry *options = option_registry_create();
	cr_assert_eq(vassal_register(k.vassal, options), 0);
	const struct uwsgi_option *heartbeat = option_find(options, "heartbeat");
	cr_assert_eq(option_apply(options, heartbeat, "heartbeat", "1", "test"), 0);
	cr_assert_eq(vassal_start(&k, &duties), 0);
	cr_expect_eq(said(), VASSAL_SPAWNED);
	cr_expect_eq(said(), VASSAL_HEARTBEAT);
	loop_turn(k.loop, 1500);
	cr_expect_eq(said(), VASSAL_HEARTBEAT);
}
