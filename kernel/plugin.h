/* plugin.h - the plugins of a server: finding and loading them, and what they provide. */
#ifndef KERNEL_PLUGIN_H
#define KERNEL_PLUGIN_H

#include <stdbool.h>
#include <stdio.h>
#include <uwsgi/plugin.h>
#include <uwsgi/proc.h>
#include <uwsgi/request.h>

struct kernel;
struct plugins;

/* `build_dir`: where else to look for plugins, after the configured directories and before the installed ones. */
struct plugins *plugins_create(struct kernel *k, const char *build_dir);

/* Load a comma separated list: names, paths, "0:name".  0, or a negative errno after each failure was logged. */
int plugins_load(struct plugins *p, const char *list, bool required);
/* Find in the manifests who has `what` ("option", "format", ...) called `name`, and load it.  True when it was. */
bool plugins_autoload(struct plugins *p, const char *what, const char *name);
/* Load every plugin that can be found, for lists of all there is. */
void plugins_load_all(struct plugins *p);
bool plugins_has(const struct plugins *p, const char *name);
/* The path of a file that is installed beside the plugins; NULL when it is nowhere. */
const char *plugins_data_file(struct plugins *p, const char *name);

/* The loaded plugins, in their order; NULL after the last. */
size_t plugins_count(const struct plugins *p);
const struct uwsgi_plugin *plugins_at(const struct plugins *p, size_t i);
/* The i-th loaded format, NULL after the last. */
const struct uwsgi_config_format *plugins_format_at(const struct plugins *p, size_t i);
/* A loaded format by name or suffix, a protocol by name (loading its plugin when a manifest has it); NULL. */
const struct uwsgi_config_format *plugins_format(struct plugins *p, const char *name_or_suffix);
const struct uwsgi_protocol *plugins_protocol(struct plugins *p, const char *name);
/* The i-th kind, NULL after the last. */
const struct uwsgi_kind *plugins_kind(const struct plugins *p, size_t i);
/* The plugin that answers each modifier. */
void plugins_handlers(const struct plugins *p, const struct uwsgi_plugin *handlers[256]);

/* Write what a plugin file provides, a line each: its manifest.  0 or a negative errno. */
int plugins_print_manifest(struct plugins *p, const char *path, FILE *out);

#endif
