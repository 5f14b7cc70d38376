/* uwsgi/base.h - the few words every other public header uses. */
#ifndef UWSGI_BASE_H
#define UWSGI_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define UWSGI_BEGIN_DECLS extern "C" {
#define UWSGI_END_DECLS }
#else
#define UWSGI_BEGIN_DECLS
#define UWSGI_END_DECLS
#endif

/* A function of the kernel that plugins may call. */
#define UWSGI_API __attribute__((visibility("default")))
#define UWSGI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Bytes with a length; not terminated, not owned.  {NULL, 0} means absent; {"", 0} means empty. */
struct uwsgi_str {
	const char *p;
	size_t n;
};

#endif
