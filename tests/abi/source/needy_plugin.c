/* needy_plugin.c - a plugin that calls a function no kernel has. */
#include <uwsgi.h>

int uwsgi_function_of_tomorrow(void);

static int init(void)
{
	return uwsgi_function_of_tomorrow();
}

struct uwsgi_plugin needy_plugin = { .name = "needy", .init = init };
