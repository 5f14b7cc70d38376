/* plugin_file.h - one file with a plugin in it. */
#ifndef KERNEL_PLUGIN_FILE_H
#define KERNEL_PLUGIN_FILE_H

#include <stddef.h>
#include <uwsgi/abi.h>

/* What was loaded: a copy of the plugin's table, and how wide the rows are that it points to. */
struct plugin_file {
	struct uwsgi_plugin table;
	struct uwsgi_abi abi;
};

/* Load the file at `path`, whose ABI is checked before anything of it runs.  0, or a negative errno after it was logged
 * what is wrong with plugin `name`.  What was loaded stays. */
int plugin_file_load(struct plugin_file *file_r, const char *name, const char *path);

/* The name under which a file exports its table: "dir/foobar_plugin.so" exports foobar_plugin. */
void plugin_file_symbol(const char *path, char *symbol, size_t size);

#endif
