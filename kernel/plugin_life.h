/* plugin_life.h - calling every plugin that was loaded at the moments of its life, see uwsgi/plugin.h. */
#ifndef KERNEL_PLUGIN_LIFE_H
#define KERNEL_PLUGIN_LIFE_H

struct plugins;

/* In the order in which they were loaded, unless it says otherwise.  Negative results are logged where they happen. */
int plugins_init(const struct plugins *p);	/* [main] */
int plugins_load_apps(const struct plugins *p); /* [zygote] applications loaded, or negative */
int plugins_post_fork(const struct plugins *p); /* [child] */
/* [worker] The life of a worker by a plugin: its exit status; -ENOENT: none wants that */
int plugins_worker(const struct plugins *p, int number);
void plugins_thread_init(const struct plugins *p, int core);
void plugins_thread_exit(const struct plugins *p, int core); /* in reverse order */
void plugins_atexit(const struct plugins *p);		     /* [child], in reverse order */

#endif
