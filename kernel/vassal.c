/* vassal.c - this server as a vassal of an Emperor.
 *
 * The Emperor gives each vassal one end of a socket pair, by its number in UWSGI_EMPEROR_FD, and speaks in single
 * bytes. The master obeys; a vassal whose Emperor is gone ends. */
#include "vassal.h"

#include "handover.h"
#include "kernel.h"
#include "option.h"
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/log.h>
#include <uwsgi/loop.h>

#define FD_VARIABLE "UWSGI_EMPEROR_FD"
#define HANDOVER_ITEM "line to the Emperor"
#define LOYALTY_MS 1000 /* how often it is looked whether the first request was answered */

/* What he says. */
enum { HEAR_STOP = 0, HEAR_RELOAD = 1, HEAR_STOP_GRACEFULLY = 2 };

struct vassal {
	struct kernel *k;
	struct vassal_duties duties;
	struct uwsgi_watch watch; /* fd -1: there is no Emperor, or he is gone */
	struct uwsgi_timer loyalty, pulse;
	int heartbeat; /* option: seconds, 0: none */
};

/* The number in the environment, when it is what an Emperor would give: a socket that is none of the standard ones. */
static int given_fd(void)
{
	const char *number = getenv(FD_VARIABLE);
	struct stat st;
	int fd = number ? atoi(number) : -1;
	return fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? fd : -1;
}

struct vassal *vassal_create(struct handover *handover)
{
	struct vassal *vassal = calloc(1, sizeof *vassal);
	if (!vassal)
		return NULL;
	/* the variable is what it was for the first image */
	int fd = handover_taken(handover) ? -1 : given_fd();
	/* not for what this server starts, which may be an Emperor with vassals of its own */
	unsetenv(FD_VARIABLE);
	if (!handover_claim(handover, HANDOVER_ITEM, &fd, NULL) && fd != -1 &&
	    (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 || fcntl(fd, F_SETFL, O_NONBLOCK) == -1 ||
	     handover_keep(handover, HANDOVER_ITEM, fd, "")))
		fd = -1;
	vassal->watch.fd = fd;
	return vassal;
}

int vassal_register(struct vassal *vassal, struct option_registry *options)
{
	static const struct uwsgi_option rows[] = {
		{ "heartbeat", .type = UWSGI_OPT_INT, .value = (void *)offsetof(struct vassal, heartbeat),
		  .group = "processes",
		  .help = "as a vassal, tell the Emperor every that many seconds that all is well" },
		{ 0 },
	};
	return option_register(options, "the kernel", rows, sizeof *rows, vassal);
}

int vassal_fd(const struct vassal *vassal)
{
	return vassal->watch.fd;
}

void vassal_say(const struct vassal *vassal, enum vassal_word word)
{
	char byte = (char)word;
	if (vassal->watch.fd != -1)
		(void)!write(vassal->watch.fd, &byte, 1); /* an Emperor who is gone is noticed by the watch */
}

static void on_pulse(struct uwsgi_timer *timer)
{
	struct vassal *vassal = timer->data;
	vassal_say(vassal, VASSAL_HEARTBEAT);
	uwsgi_loop_timer(vassal->k->loop, timer, (uint64_t)vassal->heartbeat * 1000);
}

/* The master sees no request; it looks at the counters until there is one. */
static void on_loyalty(struct uwsgi_timer *timer)
{
	struct vassal *vassal = timer->data;
	if (!proc_total_requests(vassal->k->table)) {
		uwsgi_loop_timer(vassal->k->loop, timer, LOYALTY_MS);
		return;
	}
	uwsgi_log("announcing my loyalty to the Emperor...\n");
	vassal_say(vassal, VASSAL_LOYAL);
}

static void go_down(struct vassal *vassal)
{
	uwsgi_log("lost connection with my Emperor !!! ending\n");
	uwsgi_loop_remove(vassal->k->loop, &vassal->watch);
	uwsgi_loop_timer_stop(vassal->k->loop, &vassal->loyalty);
	uwsgi_loop_timer_stop(vassal->k->loop, &vassal->pulse);
	handover_drop(vassal->k->handover, HANDOVER_ITEM);
	close(vassal->watch.fd);
	vassal->watch.fd = -1;
	/* at once: the next Emperor's vassals want its sockets */
	vassal->duties.stop(vassal->duties.data, true);
}

static void obey(struct vassal *vassal, unsigned char byte)
{
	uwsgi_log("received message %d from my Emperor\n", byte);
	switch (byte) {
	case HEAR_STOP:
	case HEAR_STOP_GRACEFULLY:
		vassal->duties.stop(vassal->duties.data, false);
		break;
	case HEAR_RELOAD:
		vassal->duties.reload(vassal->duties.data);
		break;
	}
}

static void on_word(struct uwsgi_watch *watch, unsigned events)
{
	struct vassal *vassal = watch->data;
	unsigned char byte;
	(void)events;
	ssize_t n = read(watch->fd, &byte, 1);
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		go_down(vassal);
	else if (n == 1)
		obey(vassal, byte);
}

int vassal_start(struct kernel *k, const struct vassal_duties *duties)
{
	struct vassal *vassal = k->vassal;
	if (vassal->watch.fd == -1)
		return 0;
	vassal->k = k;
	vassal->duties = *duties;
	vassal->watch.fn = on_word;
	vassal->loyalty.fn = on_loyalty;
	vassal->pulse.fn = on_pulse;
	vassal->watch.data = vassal->loyalty.data = vassal->pulse.data = vassal;
	if (!handover_taken(k->handover))
		vassal_say(vassal, VASSAL_SPAWNED);
	int failed = uwsgi_loop_add(k->loop, &vassal->watch, UWSGI_READ);
	if (!failed && !proc_total_requests(k->table))
		failed = uwsgi_loop_timer(k->loop, &vassal->loyalty, LOYALTY_MS);
	if (!failed && vassal->heartbeat)
		on_pulse(&vassal->pulse);
	return failed;
}
