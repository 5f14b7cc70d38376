/* action.h - what an operator may have done at a phase of the server's life (phase.h): "ACTION:ARGUMENTS". */
#ifndef KERNEL_ACTION_H
#define KERNEL_ACTION_H

#include <stdbool.h>

struct action {
	const struct action_row *row;
	const char *text; /* as it was written, for messages */
	const char *args;
	bool is_private; /* its text is not logged */
};

/* Read "ACTION:ARGUMENTS", or "!ACTION:ARGUMENTS" for one whose text is private.  `text` is borrowed for ever.
 * 0; -EINVAL: no colon; -ENOENT: there is no such action. */
int action_parse(const char *text, struct action *action_r);
/* The action of that name with these arguments.  0 or -ENOENT. */
int action_make(const char *name, const char *args, struct action *action_r);

/* Tell the log why an option's text is no action: what action_parse or action_make returned.  Returns that. */
int action_refuse(const char *key, const char *text, int failed);

/* Do it, after a line of the log that names `phase`.  With `wait`, programs it runs have ended when this returns, and
 * end well or are a failure.  0, or a negative errno, with why it failed in `why`, a text for people. */
#define ACTION_WHY 256
int action_run(const struct action *action, const char *phase, bool wait, char why[ACTION_WHY]);

/* What an action made of an OS signal to the master: a letter of command.c, 0: what it always is. */
char action_signal(int signum);

/* "bind,ro" as MS_... flags, "detach" as MNT_... flags.  0, or -EINVAL. */
int action_mount_flags(const char *text, unsigned long *flags_r);
int action_umount_flags(const char *text, int *flags_r);

#endif
