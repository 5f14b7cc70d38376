/* plugin_build.h - what authors of plugins ask the server for: --build-plugin, --cflags, --dot-h, --manifest. */
#ifndef KERNEL_PLUGIN_BUILD_H
#define KERNEL_PLUGIN_BUILD_H

struct option_registry;

/* Register the options.  `exe_dir`: where the running program is.  0 or a negative errno. */
int plugin_build_register(struct option_registry *options, const char *exe_dir);
/* The flags that compile a plugin against this server. */
void plugin_build_cflags(const char *exe_dir, char *text, unsigned size);

#endif
