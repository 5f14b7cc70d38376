/* misnamed_plugin.c - a plugin whose table is not named after its file. */
#include <uwsgi.h>

struct uwsgi_plugin another_plugin = { .name = "another" };
