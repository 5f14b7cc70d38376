/* vassal.h - this server as a vassal: what it hears from the Emperor that started it, and what it tells. */
#ifndef KERNEL_VASSAL_H
#define KERNEL_VASSAL_H

#include <stdbool.h>

struct kernel;
struct option_registry;
struct vassal;

/* What a vassal says, one byte each. */
enum vassal_word {
	VASSAL_SPAWNED = 1,
	VASSAL_ACCEPTING = 5,  /* its workers take requests */
	VASSAL_LOYAL = 17,     /* it answered its first request */
	VASSAL_LEAVING = 22,   /* it will end: do not start it again before there is something to do */
	VASSAL_HEARTBEAT = 26, /* it is well, and says so every `heartbeat` seconds */
};

/* Take the Emperor's descriptor over from the image before, or out of the environment.  NULL when memory is out. [main]
 */
struct handover;
struct vassal *vassal_create(struct handover *handover);
int vassal_register(struct vassal *vassal, struct option_registry *options);
/* The line to the Emperor, for the master alone; -1: there is none. */
int vassal_fd(const struct vassal *vassal);

/* Obey from now on, by calling these.  Nothing without an Emperor.  0 or a negative errno.  [master] */
struct vassal_duties {
	void (*stop)(void *data, bool fast);
	void (*reload)(void *data);
	void *data;
};
int vassal_start(struct kernel *k, const struct vassal_duties *duties);
/* Nothing without an Emperor. */
void vassal_say(const struct vassal *vassal, enum vassal_word word);

#endif
