/* config_expand.h - the three small languages in values: $(ENV), @(resource) and %(placeholder). */
#ifndef KERNEL_CONFIG_EXPAND_H
#define KERNEL_CONFIG_EXPAND_H

#include <stddef.h>

/* $(NAME) is the environment variable, $(NAME:-text) the text when it is empty or unset, $(NAME-text) when it is unset.
 * What has no value stays as written.  The result is the caller's; NULL: out of memory. */
char *expand_environment(const char *text);

/* @(name) is the content of a file or scheme, one trailing newline removed.  NULL with a reason in error_r. */
char *expand_resources(const char *text, char *error_r, size_t error_size);

/* The value of a key: NULL when there is no such key, "" when it has no value. */
typedef const char *expand_lookup(void *ctx, const char *name);

/* %(name) is the value of a key, %(name + 2) arithmetic from left to right, %(a b) the two together; what names nothing
 * stays.  Results are expanded again.  NULL with a reason in error_r (a key that contains itself). */
char *expand_placeholders(const char *text, expand_lookup *lookup, void *ctx, char *error_r, size_t error_size);

#endif
