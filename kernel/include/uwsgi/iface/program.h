/* uwsgi/iface/program.h - callables that the program left for the server in its module `uwsgi` (uwsgi.spooler = f).
 *
 * Whoever wants one asks every language, by name; a language listens and answers. */
#ifndef UWSGI_IFACE_PROGRAM_H
#define UWSGI_IFACE_PROGRAM_H

#include <uwsgi/api.h>
#include <uwsgi/hook.h>

UWSGI_BEGIN_DECLS

/* The callable the program set under `name`; the asker releases it.  NULL: it set none.  [zygote] [child] */
typedef struct uwsgi_fn *uwsgi_hook_callable(const char *name);
#define UWSGI_HOOK_PROGRAM_CALLABLE "program.callable/1"

UWSGI_END_DECLS
#endif
