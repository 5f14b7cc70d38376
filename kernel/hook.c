/* hook.c - listeners by name, kept in the order in which they run. */
#include "hook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hook_registry {
	struct uwsgi_hook *rows; /* ordered by priority, equal ones by arrival */
	size_t count;
};

struct hook_registry *hook_registry_create(void)
{
	return calloc(1, sizeof(struct hook_registry));
}

static int insert(struct hook_registry *hooks, const struct uwsgi_hook *row)
{
	struct uwsgi_hook *rows = reallocarray(hooks->rows, hooks->count + 1, sizeof *rows);
	if (!rows)
		return -ENOMEM;
	hooks->rows = rows;
	size_t at = hooks->count;
	while (at && rows[at - 1].priority > row->priority)
		at--;
	memmove(&rows[at + 1], &rows[at], (hooks->count - at) * sizeof *rows);
	rows[at] = *row;
	hooks->count++;
	return 0;
}

int hook_register(struct hook_registry *hooks, const struct uwsgi_hook *rows, size_t stride)
{
	for (const char *p = (const char *)rows; rows; p += stride) {
		struct uwsgi_hook row = { 0 };
		memcpy(&row, p, stride < sizeof row ? stride : sizeof row);
		if (!row.name)
			break;
		int failed = insert(hooks, &row);
		if (failed)
			return failed;
	}
	return 0;
}

int hook_each(const struct hook_registry *hooks, const char *name, int (*visit)(uwsgi_hook_fn *fn, void *data),
	      void *data)
{
	for (size_t i = 0; i < hooks->count; i++) {
		int stop = strcmp(hooks->rows[i].name, name) ? 0 : visit(hooks->rows[i].fn, data);
		if (stop)
			return stop;
	}
	return 0;
}
