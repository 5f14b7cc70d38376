/* config_format.h - what the tests of configuration formats share: a reader that writes down what it was given.
 * Before including it, define PARSE as the function under test. */
#ifndef TESTS_CONFIG_FORMAT_H
#define TESTS_CONFIG_FORMAT_H

#include <stdio.h>
#include <string.h>

static char seen[1024], error[256];

static void note(void *ctx, const char *key, const char *value, int line)
{
	(void)ctx;
	size_t len = strlen(seen);
	snprintf(seen + len, sizeof seen - len, "%d:%s=%s|", line, key, value ? value : "<none>");
}

static int read_text(const char *text, const char *section)
{
	seen[0] = error[0] = '\0';
	return PARSE(text, strlen(text), section, note, NULL, error, sizeof error);
}

#endif
