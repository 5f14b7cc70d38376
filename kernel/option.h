/* option.h - the registry of option rows: the kernel's own and those of every loaded plugin. */
#ifndef KERNEL_OPTION_H
#define KERNEL_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <uwsgi/option.h>

struct option_registry;

struct option_registry *option_registry_create(void);
void option_registry_destroy(struct option_registry **reg);

/* Register a table, all of it or nothing.  `stride` is the size of one row where the table was compiled (an older
 * plugin has smaller rows).  With a base, the value of a row is an offset into it, and a CALL row without data gets the
 * base as its data.  -EEXIST: somebody has the name; -EINVAL: a row makes no sense.  Both are logged with the owners'
 * names. */
int option_register(struct option_registry *reg, const char *owner, const struct uwsgi_option *rows, size_t stride,
		    void *base);

/* The row of a name or letter, aliases followed; NULL when nobody has it.  An alias whose target is not there (it may
 * be the name of a configuration format) is returned as it is: alias_of is set in no other result. */
const struct uwsgi_option *option_find(const struct option_registry *reg, const char *name);
const struct uwsgi_option *option_find_letter(const struct option_registry *reg, char letter);

/* Rows in the order of registration, aliases included; NULL after the last. */
const struct uwsgi_option *option_at(const struct option_registry *reg, size_t i, const char **owner_r);

/* UWSGI_ARG_NONE, _REQUIRED or _OPTIONAL: what AUTO means is decided here. */
enum uwsgi_opt_arg option_arg(const struct uwsgi_option *opt);

/* Give the option a value (NULL: a flag without one).  `where` says where it was written ("x.ini:7") and is only used
 * in messages.  0, or a negative errno after logging why. */
int option_apply(struct option_registry *reg, const struct uwsgi_option *opt, const char *key, const char *value,
		 const char *where);

/* What a number or truth is now.  0, or -EINVAL for options of other types. */
int option_number(const struct uwsgi_option *opt, int64_t *value_r);

/* The text of a boolean, by the rules of uWSGI 2.0: nothing and everything is true but false, off, no and 0. */
bool option_is_true(const char *value);

/* Is the word one of these, which are separated by blanks?  `words` may be NULL. */
bool words_have(const char *words, const char *word);

/* Copy and append; -ENOMEM. */
int strings_add(struct uwsgi_strings *list, const char *text);

#endif
