/* config_known.c - the options upstream knows, and how far a mistyped word is from one of them.
 *
 * The list is data: the kernel knows no name in it.  It lets a configuration written for uWSGI 2.0 start with a line
 * per missing feature instead of silently treating the key as a placeholder. */
#include "config_known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "option.h"

enum { WORD_MAX = 64 };

static enum uwsgi_opt_arg arg_of(const char *word)
{
	if (!strcmp(word, "none"))
		return UWSGI_ARG_NONE;
	return strcmp(word, "optional") ? UWSGI_ARG_REQUIRED : UWSGI_ARG_OPTIONAL;
}

/* The line is kept: the option points into it. */
static bool parse_line(char *line, struct known_option *out_r)
{
	char *field[6];
	for (size_t i = 0; i < 6; i++) {
		field[i] = strsep(&line, "\t");
		if (!field[i])
			return false;
	}
	*out_r = (struct known_option){
		.name = field[0],
		.letter = field[1][0],
		.arg = arg_of(field[2]),
		.type = field[3],
		.group = field[4],
		.meaning = field[5],
	};
	return *field[0] != '\0';
}

static int add(struct known_list *list, const char *line)
{
	struct known_option *v = realloc(list->v, (list->n + 1) * sizeof *v);
	if (!v)
		return -ENOMEM;
	list->v = v;
	char *copy = strdup(line);
	if (!copy)
		return -ENOMEM;
	if (!parse_line(copy, &v[list->n])) {
		free(copy);
		return 0;
	}
	if (!strcmp(v[list->n].type, "private"))
		return strings_add(&list->private_keys, v[list->n].name);
	list->n++;
	return 0;
}

int known_load(struct known_list *list, const char *path)
{
	list->loaded = true;
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	char *line = NULL;
	size_t cap = 0;
	int rc = 0;
	while (!rc && getline(&line, &cap, file) != -1) {
		line[strcspn(line, "\n")] = '\0';
		if (*line && *line != '#')
			rc = add(list, line);
	}
	free(line);
	fclose(file);
	return rc;
}

bool known_is_private(const struct known_list *list, const char *key)
{
	for (size_t i = 0; i < list->private_keys.n; i++)
		if (!strcmp(list->private_keys.v[i], key))
			return true;
	return false;
}

const struct known_option *known_find(const struct known_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i].name, name))
			return &list->v[i];
	return NULL;
}

const struct known_option *known_find_letter(const struct known_list *list, char letter)
{
	for (size_t i = 0; letter && i < list->n; i++)
		if (list->v[i].letter == letter)
			return &list->v[i];
	return NULL;
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static char fold(char c)
{
	return c == '_' ? '-' : c;
}

size_t word_distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	if (la >= WORD_MAX || lb >= WORD_MAX)
		return WORD_MAX;
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t j = 0; j <= lb; j++)
		last[j] = j;
	for (size_t i = 1; i <= la; i++) {
		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t replaced = last[j - 1] + (fold(a[i - 1]) != fold(b[j - 1]));
			now[j] = min(replaced, min(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = min(now[j], before[j - 2] + 1);
		}
		size_t *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[lb];
}

size_t word_tolerance(const char *word)
{
	size_t len = strlen(word);
	return len < 4 ? 0 : len < 6 ? 1 : 2;
}
