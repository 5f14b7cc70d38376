/* value.h - neutral values; the functions are public and declared in <uwsgi/api.h>. */
#ifndef KERNEL_VALUE_H
#define KERNEL_VALUE_H

#include <stdbool.h>
#include <uwsgi/api.h>

/* Does it hold bytes: bytes, str or a view. */
bool value_is_text(const struct uwsgi_value *v);

#endif
