/* plugin_manifest.h - who provides what, without loading anybody. */
#ifndef KERNEL_PLUGIN_MANIFEST_H
#define KERNEL_PLUGIN_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <uwsgi/abi.h>

/* Look in the manifests of a directory (NAME_plugin.manifest, lines of "what name") for one that provides it; the path
 * of the plugin beside it is written to path_r.  With several, the first in the order of their names. */
bool manifest_find(const char *dir, const char *what, const char *name, char *path_r, size_t size);

/* Call fn with the path of each plugin that has a manifest there, in the order of their names. */
void manifest_each(const char *dir, void (*fn)(const char *plugin, void *data), void *data);

/* Write what a plugin provides by itself, a line each; its rows are as wide as `abi` says. */
void manifest_print(FILE *out, const struct uwsgi_plugin *table, const struct uwsgi_abi *abi);

#endif
