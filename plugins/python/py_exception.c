/* py_exception.c - exceptions after which a worker is replaced: all of them, or those of a type, a text, or both. */
#include "py.h"

static bool has(const struct uwsgi_strings *wanted, const char *text)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (!strcmp(wanted->v[i], text))
			return true;
	return false;
}

void py_exception_raised(void)
{
	const struct py_options *o = py_options();
	if (!o->reload_on_exception && !o->reload_on_type.n && !o->reload_on_value.n && !o->reload_on_repr.n)
		return;
	char line[512];
	py_describe_exception(line, sizeof line);
	size_t type_len = strcspn(line, ":");
	char type[256];
	snprintf(type, sizeof type, "%.*s", (int)type_len, line);
	const char *value = line[type_len] ? line + type_len + 2 : "";
	if (o->reload_on_exception || has(&o->reload_on_type, type) || has(&o->reload_on_value, value) ||
	    has(&o->reload_on_repr, line))
		uwsgi_proc_recycle(line);
}
