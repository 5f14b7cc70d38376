/* signature.h - the text "(key: bytes, n: int = 0) -> bytes | None", read. */
#ifndef KERNEL_SIGNATURE_H
#define KERNEL_SIGNATURE_H

#include <stddef.h>
#include <uwsgi/api.h>

struct signature {
	struct uwsgi_param params[UWSGI_PARAMS_MAX];
	unsigned count, plain, required;
	enum uwsgi_type returns;
	bool returns_none;
};

/* Read `text`.  Names and default strings point into it and are not terminated.  0, or -EINVAL with a message in
 * `error_r` that says where.  Pure. */
int signature_parse(const char *text, struct signature *signature_r, char *error_r, size_t error_size);

#endif
