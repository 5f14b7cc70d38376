/* noteless_plugin.c - an object that is no plugin: it never saw <uwsgi.h>. */
extern const void *noteless_plugin;
const void *noteless_plugin;
