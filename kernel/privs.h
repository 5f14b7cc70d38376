/* privs.h - giving up root: who the processes become, when, and what they keep of it. */
#ifndef KERNEL_PRIVS_H
#define KERNEL_PRIVS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uwsgi/option.h>

struct handover;
struct option_registry;

/* In the order in which a server comes to them. */
enum privs_moment {
	PRIVS_START,  /* [main] the sockets are bound */
	PRIVS_CHILD,  /* a child of the master, before anything of the application */
	PRIVS_LOADED, /* the application is loaded, or there is none in this process */
};

/* What the options set. */
struct privs {
	const char *uid, *gid;
	struct uwsgi_strings add_gid;
	bool no_initgroups;
	uint64_t caps; /* bit n: capability n is kept */
	bool allow_root;
	bool master_as_root, drop_after_apps;
	bool drop_after_init; /* accepted, without effect */
	enum { NO_NEW_PRIVS_DEFAULT, NO_NEW_PRIVS, NEW_PRIVS } no_new_privs;
};

/* Register the options.  What they set, or NULL when memory is out. */
struct privs *privs_register(struct option_registry *options);

/* Numbers for names or numbers; NULL gives -1.  0, or -ENOENT for a name nobody has. */
int privs_uid(const char *text, uid_t *uid_r);
int privs_gid(const char *text, gid_t *gid_r);
/* "net_bind_service,sys_nice", with or without "cap_".  0, or -EINVAL with the unknown word's length and place. */
int privs_caps(const char *text, uint64_t *caps_r, const char **unknown_r, int *length_r);

/* Become who the options say, at the moment they say or after it; at an earlier one nothing happens, and a second time
 * neither.  0, or a negative errno after uwsgi_cause: the process must not go on. */
int privs_drop(const struct privs *p, enum privs_moment now);

/* "uid:gid" of what this process is to become, "" when it stays who it is or cannot change. */
const char *privs_owner(const struct privs *p);

/* May applications run as what this process is, or what its children will be?  0, or -EPERM after uwsgi_cause. */
int privs_check_root(const struct privs *p, bool compat);

/* Before an execve: let the next image have the capabilities this one kept, which programs the application runs would
 * inherit, too.  Taken back when there was no execve after all; in the next image, first thing of all. */
void privs_lend(const struct privs *p, struct handover *h);
void privs_unlend(const struct privs *p, struct handover *h);
void privs_settle(struct handover *h);

#endif
