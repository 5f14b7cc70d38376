/* source_option.h - what raises signals by the configuration: `signal-timer`, `signal-rbtimer`, `touch-signal`. */
#ifndef KERNEL_SOURCE_OPTION_H
#define KERNEL_SOURCE_OPTION_H

#include <stddef.h>
#include <uwsgi/source.h>

struct option_registry;

enum source_form {
	SOURCE_FORM_TIMER,   /* "signum seconds" */
	SOURCE_FORM_RBTIMER, /* "signum seconds[ iterations]" */
	SOURCE_FORM_TOUCH,   /* "file signum" */
};

/* Read what an option of that form was given.  NULL, or what is wrong with it, a text for people. */
const char *source_option_parse(enum source_form form, const char *text, struct uwsgi_source *source_r);

int source_option_register(struct option_registry *options);
/* What was configured, in that order; NULL behind the last. */
const struct uwsgi_source *source_option_at(size_t i);

#endif
