/* hook.h - the registry of listeners. */
#ifndef KERNEL_HOOK_H
#define KERNEL_HOOK_H

#include <uwsgi/hook.h>

struct hook_registry;

struct hook_registry *hook_registry_create(void);
/* Add a plugin's table (rows of `stride` bytes).  0 or -ENOMEM.  Before hook_each. */
int hook_register(struct hook_registry *hooks, const struct uwsgi_hook *rows, size_t stride);
int hook_each(const struct hook_registry *hooks, const char *name, int (*visit)(uwsgi_hook_fn *fn, void *data),
	      void *data);

#endif
