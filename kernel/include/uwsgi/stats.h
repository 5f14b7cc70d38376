/* uwsgi/stats.h - what the server tells of itself: one map, to which whoever has something to tell adds a section. */
#ifndef UWSGI_STATS_H
#define UWSGI_STATS_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

struct uwsgi_value;

/* Add your section to the map: uwsgi_add_list(stats, "caches"), ...  It runs in the master: look at what is there, wait
 * for nothing.  A kind of processes with the application whose plugin adds no section of its name ("mules" for
 * "mule") is told of in general. */
typedef void uwsgi_hook_stats(struct uwsgi_value *stats);
#define UWSGI_HOOK_STATS "stats/1" /* [master] */

/* Add everything to an empty map: the kernel's sections, then those of the listeners.  What memory is missing for is
 * left out.  0, or -ENOTCONN when this is not the master.  [master] */
UWSGI_API int uwsgi_stats_collect(struct uwsgi_value *stats);

UWSGI_END_DECLS
#endif
