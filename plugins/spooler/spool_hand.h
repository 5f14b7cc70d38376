/* spool_hand.h - which task this process has in hand, so that its death is counted against the task.
 *
 * A page of a file in the spooler's state, locked as long as the process lives: saying it costs no system call, and
 * what was said survives the process and the server. */
#ifndef SPOOL_HAND_H
#define SPOOL_HAND_H

#include "spool_dir.h"

struct spool_hand;

/* NULL with errno. */
struct spool_hand *spool_hand_open(const struct spool_dir *dir);
void spool_hand_close(struct spool_hand **hand, const struct spool_dir *dir);
void spool_hand_take(struct spool_hand *hand, const char *path);
void spool_hand_put(struct spool_hand *hand);
/* The path of the task in hand, NULL: none. */
const char *spool_hand_has(const struct spool_hand *hand);

/* Call `left` for the task that each dead process had in hand; their files are removed. */
void spool_hand_inherit(const struct spool_dir *dir, void (*left)(const char *path, void *data), void *data);

#endif
