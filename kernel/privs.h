/* privs.h - giving up root. */
#ifndef KERNEL_PRIVS_H
#define KERNEL_PRIVS_H

#include <sys/types.h>
#include <uwsgi/option.h>

/* Numbers for names or numbers; NULL gives -1.  0, or -ENOENT for a name nobody has. */
int privs_uid(const char *text, uid_t *uid_r);
int privs_gid(const char *text, gid_t *gid_r);

/* Become `uid` and `gid` with the groups of that user and `add_gid`.  Does nothing when both are NULL or this process
 * is not root.  0, or a negative errno after the reason was logged: the server must not go on. */
int privs_drop(const char *uid, const char *gid, const struct uwsgi_strings *add_gid);

#endif
