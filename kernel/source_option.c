/* source_option.c - see source_option.h. */
#include "source_option.h"

#include "option.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/log.h>
#include <uwsgi/signal.h>

#define DIGITS_MAX 9 /* of a number: it fits, and is more seconds than anybody waits */

static struct uwsgi_source *wanted;
static size_t wanted_count;

/* ---- reading ---- */

/* Take the next word, which has to be a number. */
static bool take_number(const char **text, int *number_r)
{
	const char *word = *text + strspn(*text, " ");
	size_t n = strcspn(word, " ");
	char *end;
	*number_r = (int)strtol(word, &end, 10);
	*text = word + n;
	return n > 0 && n <= DIGITS_MAX && end == word + n;
}

static bool is_over(const char *text)
{
	return text[strspn(text, " ")] == 0;
}

static const char *set_number(struct uwsgi_source *source, int number)
{
	source->number = (uint8_t)number;
	return number >= 0 && number < UWSGI_SIGNALS ? NULL : "a signal is 0 to 255";
}

static const char *read_timer(const char *text, struct uwsgi_source *source_r, bool may_end)
{
	int number, seconds, times = 0;
	if (!take_number(&text, &number) || !take_number(&text, &seconds) ||
	    (may_end && !is_over(text) && !take_number(&text, &times)) || !is_over(text))
		return may_end ? "give signum seconds[ iterations]" : "give signum seconds";
	if (seconds < 1)
		return "a period has at least one second";
	if (times < 0)
		return "iterations are 1 or more, 0 is for ever";
	*source_r = (struct uwsgi_source){ .type = UWSGI_SOURCE_TIMER,
					   .period_ms = (int64_t)seconds * 1000,
					   .times = times };
	return set_number(source_r, number);
}

/* The file is all before the last word. */
static const char *read_touch(const char *text, struct uwsgi_source *source_r)
{
	const char *space = strrchr(text, ' '), *word = space;
	int number;
	if (!space || space == text || !take_number(&word, &number))
		return "give file signum";
	if ((size_t)(space - text) >= sizeof source_r->path)
		return "a path has at most 255 bytes";
	*source_r = (struct uwsgi_source){ .type = UWSGI_SOURCE_FILE };
	memcpy(source_r->path, text, (size_t)(space - text));
	return set_number(source_r, number);
}

const char *source_option_parse(enum source_form form, const char *text, struct uwsgi_source *source_r)
{
	if (form == SOURCE_FORM_TOUCH)
		return read_touch(text, source_r);
	return read_timer(text, source_r, form == SOURCE_FORM_RBTIMER);
}

/* ---- options ---- */

static int apply(const char *key, const char *value, void *data)
{
	struct uwsgi_source source;
	const char *wrong = source_option_parse(*(const enum source_form *)data, value, &source);
	if (wrong) {
		uwsgi_log("%s = %s: %s\n", key, value, wrong);
		return -EINVAL;
	}
	struct uwsgi_source *all = reallocarray(wanted, wanted_count + 1, sizeof *all);
	if (!all)
		return -ENOMEM;
	wanted = all;
	wanted[wanted_count++] = source;
	return 0;
}

int source_option_register(struct option_registry *options)
{
	static const enum source_form timer = SOURCE_FORM_TIMER, rbtimer = SOURCE_FORM_RBTIMER,
				      touch = SOURCE_FORM_TOUCH;
#define ROW(NAME, FORM, HELP)                                                                                          \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_CALL, .apply = apply, .data = (void *)&FORM, .help = HELP,             \
		.group = "signals", .flags = UWSGI_OPT_MASTER                                                          \
	}
	static const struct uwsgi_option rows[] = {
		ROW("signal-timer", timer, "\"signum seconds\": raise the signal every so many seconds"),
		{ .name = "timer", .alias_of = "signal-timer" },
		ROW("signal-rbtimer", rbtimer,
		    "\"signum seconds[ iterations]\": the same, but not more often than that (0: for ever)"),
		{ .name = "rbtimer", .alias_of = "signal-rbtimer" },
		ROW("touch-signal", touch, "\"file signum\": raise the signal when the file is touched"),
		{ .name = "fs-signal", .alias_of = "touch-signal" },
		{ 0 },
	};
	return option_register(options, "the kernel", rows, sizeof *rows, NULL);
}

const struct uwsgi_source *source_option_at(size_t i)
{
	return i < wanted_count ? &wanted[i] : NULL;
}
