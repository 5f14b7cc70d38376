/* watch_file.h - files whose touch means something: `touch-reload` and its kin.
 *
 * A file is watched by its directory (inotify), so that it may be missing, replaced by renaming or created later.  What
 * counts is that its modification time, or the file under its name, is another than before; to remove it is no touch.
 * Of a directory every change in it counts. */
#ifndef KERNEL_WATCH_FILE_H
#define KERNEL_WATCH_FILE_H

#include <uwsgi/loop.h>

struct watch_files;

/* For the loop of this process.  NULL: there is no inotify. */
struct watch_files *watch_files_create(struct uwsgi_loop *loop);
void watch_files_destroy(struct watch_files **w);
int watch_files_fd(const struct watch_files *w);
/* Call `fn` when `path` is touched.  `path` and `data` stay the caller's.  A path that cannot be watched is logged and
 * an error: -errno. */
int watch_file(struct watch_files *w, const char *path, void (*fn)(const char *path, void *data), void *data);
/* Forget what has this `data`.  Not from `fn`. */
void watch_file_no_more(struct watch_files *w, const void *data);

#endif
