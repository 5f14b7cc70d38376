/* config_text.h - a few operations on text that the configuration needs. */
#ifndef KERNEL_CONFIG_TEXT_H
#define KERNEL_CONFIG_TEXT_H

#include <stddef.h>

struct uwsgi_strings;

/* A copy with each `what` replaced.  The caller's; NULL: out of memory. */
char *text_replace(const char *text, const char *what, const char *by);
/* Append the words between any of the separators; 0 or -ENOMEM. */
int text_split(struct uwsgi_strings *list, const char *text, const char *separators);

/* The content of a named resource: a path, "-" (standard input), fd://N or exec://command.  NUL-terminated, the
 * caller's.  0 or a negative errno with a reason in error_r. */
int resource_read(const char *name, char **text_r, size_t *len_r, char *error_r, size_t error_size);

#endif
