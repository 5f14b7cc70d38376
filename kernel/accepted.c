/* accepted.c - see accepted.h: a row says why.  Those of a part that has other options are in its table. */
#include "accepted.h"

#include "option.h"

#include <stdbool.h>

/* Where their values go; nobody looks. */
static bool flag;
static const char *text;
static int number;

int accepted_register(struct option_registry *options)
{
#define ROW(NAME, TYPE, VALUE, GROUP, HELP, ...)                                                                       \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_##TYPE, .value = &VALUE, .group = GROUP, .help = "accepted: " HELP,    \
		__VA_ARGS__                                                                                            \
	}
	/* clang-format off */
	static const struct uwsgi_option rows[] = {
		ROW("single-interpreter", BOOL, flag, "processes", "all applications share one interpreter always", .letter = 'i'),
		ROW("thunder-lock", BOOL, flag, "processes", "workers never wake up together for one connection"),
		ROW("thunder-lock-watchdog", BOOL, flag, "processes", "there is no lock that could be left locked"),
		ROW("lock-engine", STR, text, "processes", "locks are free again when their owner dies, whatever they are made of"),
		ROW("ftok", STR, text, "processes", "locks are no semaphores with a key"),
		ROW("persistent-ipcsem", BOOL, flag, "processes", "locks are no semaphores that could be left over"),
		ROW("clock", STR, text, "processes", "periods are counted by a clock that nobody sets, times by the system's"),
		ROW("signal-bufsize", INT, number, "signals", "1024 signals may wait for each process"),
		{ .name = "signals-bufsize", .alias_of = "signal-bufsize" },
		{ 0 },
	};
	/* clang-format on */
	return option_register(options, "the kernel", rows, sizeof *rows, NULL);
}
