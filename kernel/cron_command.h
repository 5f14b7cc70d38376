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
	uint64_t runs, failures; /* it was started; it could not be, or ended with another status than 0 */
	int64_t last;		 /* seconds of the epoch, when it was last to run; 0: never */
};

/* Read "minute hour day month weekday command", or, when `keyed`, "minute=5,unique=1,harakiri=60 command".  The command
 * is allocated.  0, or -errno: `why_r` says what is wrong. */
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
/* Call fn for each that is configured: `pid` is the one that was started last and runs still (0: none), `next` when it
 * is due, in seconds of the epoch (0: never). */
void cron_commands_each(const struct cron_commands *c,
			void (*fn)(const struct cron_command *command, pid_t pid, int64_t next, void *data),
			void *data);
void cron_commands_keep(const struct cron_commands *c);

#endif
