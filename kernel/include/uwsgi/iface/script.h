/* uwsgi/iface/script.h - a script, or a function of the program, that is the whole life of a process (mule =
 * somaro.py).
 *
 * Whoever has such a process asks every language; the one that understands the text runs it. */
#ifndef UWSGI_IFACE_SCRIPT_H
#define UWSGI_IFACE_SCRIPT_H

#include <uwsgi/hook.h>

UWSGI_BEGIN_DECLS

/* Run `script` to its end on this thread.  0: it was run, and `*status_r` is the exit status it means; -ENOENT: it is
 * not of this language.  [child], after uwsgi_process_own */
typedef int uwsgi_hook_script(const char *script, int *status_r);
#define UWSGI_HOOK_SCRIPT_RUN "script.run/1"

UWSGI_END_DECLS
#endif
