/* stats.h - what the master knows of the server, as one map; see uwsgi/stats.h. */
#ifndef KERNEL_STATS_H
#define KERNEL_STATS_H

struct crew;
struct cron_commands;
struct stats;
struct uwsgi_value;

/* NULL: out of memory.  [master] */
struct stats *stats_create(struct crew *crew, const struct cron_commands *cron);
/* See uwsgi_stats_collect. */
void stats_collect(const struct stats *stats, struct uwsgi_value *map);

#endif
