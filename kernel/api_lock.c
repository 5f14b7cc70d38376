/* api_lock.c - locks between all processes of the server, for the application: lock 0 and as many more as `locks` says.
 */
#include "api_lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uwsgi/log.h>
#include <uwsgi/option.h>
#include <uwsgi/shm.h>

#define LOCKS_MAX 1024

static int wanted; /* besides lock 0 */
static struct uwsgi_lock **locks;

static struct uwsgi_lock *lock_arg(struct uwsgi_call *c)
{
	int64_t number = uwsgi_arg_int(c, 0);
	if (number >= 0 && number <= wanted && locks)
		return locks[number];
	uwsgi_fail(c, UWSGI_EVALUE, "Invalid lock number: %lld, there is lock 0 and %d more (locks)", (long long)number,
		   wanted);
	return NULL;
}

static int take(struct uwsgi_call *c)
{
	struct uwsgi_lock *lock = lock_arg(c);
	if (!lock)
		return -1;
	int taken = uwsgi_lock_take(lock);
	if (taken == 1)
		uwsgi_log("[deadlock-detector] a process died holding lock %lld; it goes on to the next\n",
			  (long long)uwsgi_arg_int(c, 0));
	return 0;
}

static int give(struct uwsgi_call *c)
{
	struct uwsgi_lock *lock = lock_arg(c);
	if (!lock)
		return -1;
	uwsgi_lock_give(lock);
	return 0;
}

/* What was held by somebody dead is free. */
static int is_locked(struct uwsgi_call *c)
{
	struct uwsgi_lock *lock = lock_arg(c);
	if (!lock)
		return -1;
	int taken = uwsgi_lock_try(lock);
	if (taken >= 0)
		uwsgi_lock_give(lock);
	uwsgi_ret_bool(c, taken < 0);
	return 0;
}

static const struct uwsgi_api_fn rows[] = {
	{ "lock", "(locknum: int = 0) -> None",
	  "Wait for a lock of all processes, and take it. When its owner dies, the next one gets it.", take,
	  UWSGI_FN_BLOCKS },
	{ "unlock", "(locknum: int = 0) -> None", "Give a lock back.", give, 0 },
	{ "is_locked", "(locknum: int = 0) -> bool", "Does anybody hold the lock?", is_locked, 0 },
	{ 0 },
};

const struct uwsgi_api_fn *api_lock_rows(void)
{
	return rows;
}

int api_lock_register(struct option_registry *options)
{
	static const struct uwsgi_option options_rows[] = {
		{ .name = "locks",
		  .type = UWSGI_OPT_INT,
		  .value = &wanted,
		  .group = "processes",
		  .help = "so many locks for the application besides lock 0" },
		{ 0 },
	};
	return option_register(options, "the kernel", options_rows, sizeof *options_rows, NULL);
}

int api_lock_make(void)
{
	if (wanted > LOCKS_MAX) {
		uwsgi_cause("locks = %d: there are at most %d", wanted, LOCKS_MAX);
		return -EINVAL;
	}
	locks = calloc((size_t)wanted + 1, sizeof *locks);
	for (int i = 0; locks && i <= wanted; i++) {
		char name[32];
		snprintf(name, sizeof name, "user %d", i);
		locks[i] = uwsgi_lock_create(name);
		if (!locks[i]) {
			uwsgi_cause("no shared memory for lock %d", i);
			return -ENOMEM;
		}
	}
	return locks ? 0 : -ENOMEM;
}
