/* command.h - what an operator can tell a running master, one letter each: written to the control FIFO (`master-fifo`),
 * or stood for by a file that is touched (`touch-reload`, ...). */
#ifndef KERNEL_COMMAND_H
#define KERNEL_COMMAND_H

#include "crew.h"
#include "master.h"

struct commands;
struct option_registry;

/* Register master-fifo, touch-* and fs-*. */
int command_register(struct option_registry *options);
/* Open the FIFO and watch the files that are configured; their descriptors are the crew's own.  NULL: nothing is, or it
 * could not be opened, which was logged: the server runs without.  [master] */
struct commands *command_open(struct master *m, struct crew *crew);
/* Do what the letter says; nothing when it says nothing. */
void command_run(struct master *m, char letter);
/* Remove the FIFO's file: the server ends. */
void command_close(struct commands *c);

#endif
