/* action_parts.h - what the files of the actions share.  Only action*.c include it. */
#ifndef KERNEL_ACTION_PARTS_H
#define KERNEL_ACTION_PARTS_H

#include <stdbool.h>

#include "action.h"

/* An action gets its arguments as a text it may cut up.  It returns 0 or a negative errno; where the errno's text would
 * not tell enough, it writes its own into `why`. */
struct call {
	char *args; /* what is left of them */
	bool wait;
	char *why;
};

/* action.c: the next word, NULL: there is none; -EINVAL, and how it is written; 0 or -errno for 0 or -1. */
char *action_word(struct call *call);
int action_misused(struct call *call, const char *usage);
int action_done(int result);

/* action_file.c */
int action_chdir(struct call *call);
int action_mkdir(struct call *call);
int action_unlink(struct call *call);
int action_chmod(struct call *call);
int action_sticky(struct call *call);
int action_chown(struct call *call);
int action_create(struct call *call);
int action_write(struct call *call);
int action_writen(struct call *call);
int action_append(struct call *call);
int action_appendn(struct call *call);
int action_writefifo(struct call *call);
int action_spinningfifo(struct call *call);
int action_wait_for_fs(struct call *call);
int action_wait_for_file(struct call *call);
int action_wait_for_dir(struct call *call);
int action_wait_for_socket(struct call *call);

/* action_mount.c */
int action_mount(struct call *call);
int action_umount(struct call *call);

#endif
