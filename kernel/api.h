/* api.h - the registry of API rows, and the checked call that every language shares.
 *
 * The handle-free functions of <uwsgi/api.h> are one line each over the process's registry:
 *
 *     uwsgi_api_each           api_each
 *     uwsgi_api_each_function  api_each_function
 *     uwsgi_api_each_const     api_each_const
 *     uwsgi_api_find           api_find
 *     uwsgi_api_invoke         api_call(function, args, uwsgi_request_current(), !uwsgi_server_ready(), call_r) */
#ifndef KERNEL_API_H
#define KERNEL_API_H

#include <stddef.h>
#include <stdio.h>
#include <uwsgi/api.h>

struct api_registry;

struct api_registry *api_registry_create(void);
void api_registry_destroy(struct api_registry **reg);

/* Add a table of rows that are `stride` bytes apart.  `owner` and the rows are borrowed for ever.  0, or -EINVAL (a bad
 * signature or row), -EEXIST (the name is taken), after logging which and why; the rows before it stay. */
int api_register(struct api_registry *reg, const char *owner, const struct uwsgi_api_fn *rows, size_t stride);
int api_register_consts(struct api_registry *reg, const char *owner, const struct uwsgi_api_const *rows, size_t stride);

void api_each(struct api_registry *reg, void (*fn)(const struct uwsgi_api_fn *row, void *data), void *data);
void api_each_function(struct api_registry *reg, void (*fn)(const struct uwsgi_function *f, void *data), void *data);
void api_each_const(struct api_registry *reg, void (*fn)(const struct uwsgi_api_const *row, void *data), void *data);
const struct uwsgi_function *api_find(struct api_registry *reg, const char *name);

/* See uwsgi_api_invoke.  `loading`: the application is being loaded. */
int api_call(const struct uwsgi_function *function, struct uwsgi_value *args, struct uwsgi_request *request,
	     bool loading, struct uwsgi_call *call_r);

/* Write the whole table: `format` is NULL or "" (markdown), "json" or "pyi".  0, or -EINVAL: no such format. */
int api_print(struct api_registry *reg, const char *format, FILE *out);

#endif
