/* config_known.h - the options upstream knows, read from a data file when somebody asks. */
#ifndef KERNEL_CONFIG_KNOWN_H
#define KERNEL_CONFIG_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <uwsgi/option.h>

struct known_option {
	const char *name;
	char letter;
	enum uwsgi_opt_arg arg;
	const char *type, *group, *meaning;
};

struct known_list {
	struct known_option *v;
	size_t n;
	struct uwsgi_strings private_keys; /* environment variables that are no options, as keys */
	bool loaded;
};

/* Read the file: one option a line, "name letter arg type group meaning" separated by tabs, '#' starts a comment line.
 * 0 or a negative errno. */
int known_load(struct known_list *list, const char *path);
/* Is UWSGI_KEY a variable that tells a process about its place, not about its configuration? */
bool known_is_private(const struct known_list *list, const char *key);
const struct known_option *known_find(const struct known_list *list, const char *name);
const struct known_option *known_find_letter(const struct known_list *list, char letter);

/* Edits (insert, delete, replace, swap neighbours) from one word to the other, '_' and '-' being the same. */
size_t word_distance(const char *a, const char *b);
/* The most edits that still look like a typing mistake in `word`. */
size_t word_tolerance(const char *word);

#endif
