/* cron_command.h - commands the configuration wants run at times: `cron`, `cron2`, `unique-cron`. */
#ifndef KERNEL_CRON_COMMAND_H
#define KERNEL_CRON_COMMAND_H

#include "crew.h"
#include "cron.h"

struct cron_command {
	struct cron_spec spec;
	bool unique;	/* not while it runs still */
	int harakiri_s; /* killed after so many seconds; 0: never */
	char *command;
};

/* Read "minute hour day month weekday command", or, when `keyed`, "minute=5,unique=1,harakiri=60 command".  The command
 * is allocated.  0, or -EINVAL: `why_r` says what is wrong with it. */
int cron_command_parse(const char *text, bool keyed, struct cron_command *command_r, const char **why_r);

struct option_registry;
int cron_command_register(struct option_registry *options);

/* [master] */
struct cron_commands;
struct cron_commands *cron_commands_begin(struct kernel *k);
/* A child ended: true when it was one of these. */
bool cron_commands_buried(struct cron_commands *c, pid_t pid, int wstatus);
/* The server ends: so do those that run. */
void cron_commands_end(struct cron_commands *c);
void cron_commands_keep(const struct cron_commands *c);

#endif
