/* uwsgi/option.h - options: one row each, the same on the command line, in files and in the environment. */
#ifndef UWSGI_OPTION_H
#define UWSGI_OPTION_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

/* How the text of a value becomes a variable.  The rules of each are those of uWSGI 2.0. */
enum uwsgi_opt_type {
	UWSGI_OPT_BOOL = 0, /* bool: true unless the value is false, off, no or 0 (any case) */
	UWSGI_OPT_NOT,	    /* bool: as above, inverted (disable-logging) */
	UWSGI_OPT_INT,	    /* int: leading decimal digits, negative refused */
	UWSGI_OPT_SINT,	    /* int: may be negative */
	UWSGI_OPT_INT64,    /* int64_t: as INT */
	UWSGI_OPT_MB,	    /* int64_t: a number of MiB, stored in bytes */
	UWSGI_OPT_STR,	    /* const char *: kept as it is, owned by the kernel, valid for ever */
	UWSGI_OPT_LIST,	    /* struct uwsgi_strings: each occurrence appends */
	UWSGI_OPT_CALL,	    /* no variable: .apply is called for each occurrence */
};

enum uwsgi_opt_arg { UWSGI_ARG_AUTO = 0, UWSGI_ARG_NONE, UWSGI_ARG_REQUIRED, UWSGI_ARG_OPTIONAL };

enum {
	UWSGI_OPT_IMMEDIATE = 1u << 0, /* applied where it is read, with the text as written */
	UWSGI_OPT_MASTER = 1u << 1,    /* setting it also sets `master` */
	UWSGI_OPT_HIDDEN = 1u << 2,    /* not in --help */
	UWSGI_OPT_SECRET = 1u << 3,    /* its value is shown as *** */
	UWSGI_OPT_THREADS = 1u << 4,   /* setting it also sets `enable-threads` */
};

/* A list of strings in the order they were given.  Owned by the kernel, valid for ever. */
struct uwsgi_strings {
	const char **v;
	size_t n;
};

/* A table of options ends with an all-zero row. */
struct uwsgi_option {
	const char *name; /* long name, without dashes */
	char letter;	  /* short name, or 0 */
	uint8_t type;	  /* enum uwsgi_opt_type */
	uint8_t arg;	  /* enum uwsgi_opt_arg; AUTO: none for BOOL and NOT, required for the rest */
	uint32_t flags;
	void *value;	      /* variable of the type above; NULL for CALL and for an alias */
	const char *help;     /* one line, no final period needed */
	const char *group;    /* heading in --help: "processes", "logging", ... */
	const char *alias_of; /* another row's name: this row is a second spelling of it, other fields may be zero */
	/* For CALL.  `value` is "" when none was given.  Returns 0, or a negative errno after logging why. */
	int (*apply)(const char *key, const char *value, void *data);
	void *data;
	/* Words of the command line that are no options but mean this one, by their ending: ".py .wsgi" claims app.py
	 * and app.py:name, ":" claims what else has the form NAME:NAME.  Configuration files go first. */
	const char *claims;
};

/* The value an option or placeholder has now, as text; NULL when it was never given.  Repeated keys: the last one.
 * [any] after configuration.  The text is valid for ever. */
UWSGI_API const char *uwsgi_option_get(const char *name);

/* The number or truth (0, 1) an option has now, be it from the configuration, its default, or uwsgi_option_set.
 * 0, -ENOENT when there is no such option, -EINVAL when it is no number.  [any] */
UWSGI_API int uwsgi_option_number(const char *name, int64_t *value_r);

/* Give an option a value as if it had been configured, NULL: a flag without one.  For an .apply that stands for another
 * option.  The kernel's own numbers and truths may be set by any process, for all of them.
 * 0, -ENOENT when there is no such option, or a negative errno after logging why.  [main] [any: see above] */
UWSGI_API int uwsgi_option_set(const char *name, const char *value);

/* Walk every key that was given (options and custom keys), in order, once per occurrence.  `value` is NULL for a
 * command line flag without a value.  [any] after configuration. */
UWSGI_API void uwsgi_option_each(void (*fn)(const char *key, const char *value, void *data), void *data);

UWSGI_END_DECLS
#endif
