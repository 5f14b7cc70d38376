/* plugin_glue.h - the one process-wide pointer, for functions that plugins call without a handle. */
#ifndef KERNEL_PLUGIN_GLUE_H
#define KERNEL_PLUGIN_GLUE_H

struct kernel;

/* Before the first plugin is loaded. */
void plugin_glue_set(struct kernel *k);

#endif
