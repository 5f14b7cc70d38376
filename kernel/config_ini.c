/* config_ini.c - the ini syntax of uWSGI: lines, sections, key = value, and nothing else.
 *
 * There are no inline comments, quotes, escapes or continuation lines: text is kept as written, because existing files
 * depend on each of these. */
#include "config_ini.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Trim in place; returns the first byte that counts. */
static char *trim(char *text)
{
	text += strspn(text, " \t\r");
	size_t len = strlen(text);
	while (len && strchr(" \t\r", text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

/* Does "[name]" open the wanted section?  Text after the bracket is ignored, a missing bracket forgiven. */
static bool opens(const char *line, const char *section)
{
	size_t len = strcspn(line + 1, "]");
	return len == strlen(section) && !strncmp(line + 1, section, len);
}

static void emit_line(char *line, int number, uwsgi_config_emit *emit, void *ctx)
{
	char *equals = strchr(line, '=');
	if (equals)
		*equals = '\0';
	char *key = trim(line);
	if (*key)
		emit(ctx, key, equals ? trim(equals + 1) : NULL, number);
}

int config_ini_parse(const char *text, size_t len, const char *section, uwsgi_config_emit *emit, void *ctx,
		     char *error_r, size_t error_size)
{
	(void)error_r;
	(void)error_size;
	char *copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';

	bool wanted = false, found = false;
	char *rest = copy;
	for (int number = 1; rest; number++) {
		char *line = trim(strsep(&rest, "\n"));
		if (!*line || *line == ';' || *line == '#')
			continue;
		if (*line == '[')
			found |= wanted = opens(line, section);
		else if (wanted)
			emit_line(line, number, emit, ctx);
	}
	free(copy);
	return found ? 0 : -ENOENT;
}
