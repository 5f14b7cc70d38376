/* emperor_argv.c - the command line of a vassal. */
#include "emperor.h"

#include <stdlib.h>

static const char **put_each(const char **at, const char *option, const struct uwsgi_strings *values)
{
	for (size_t i = 0; i < values->n; i++) {
		*at++ = option;
		*at++ = values->v[i];
	}
	return at;
}

const char **vassal_argv(const struct emperor_options *options, const char *program, const char *format,
			 const char *name)
{
	const struct emperor_options *o = options;
	size_t pairs = o->inherit_before.n + o->include_before.n + o->set.n + o->inherit.n + o->include.n + 1;
	const char **argv = calloc(2 * pairs + 2, sizeof *argv), **at = argv;
	if (!argv)
		return NULL;
	*at++ = program;
	at = put_each(at, "--inherit", &o->inherit_before);
	at = put_each(at, "--include", &o->include_before);
	at = put_each(at, "--set", &o->set);
	*at++ = format;
	*at++ = name;
	at = put_each(at, "--inherit", &o->inherit);
	put_each(at, "--include", &o->include);
	return argv;
}
