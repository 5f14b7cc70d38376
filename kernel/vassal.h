/* vassal.h - this server as a vassal: what it hears from the Emperor that started it, and what it tells. */
#ifndef KERNEL_VASSAL_H
#define KERNEL_VASSAL_H

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

/* Obey from now on, by sending this process the signals an operator would.  Nothing without an Emperor.
 * 0 or a negative errno.  [master] */
int vassal_start(struct kernel *k);
/* Nothing without an Emperor. */
void vassal_say(const struct vassal *vassal, enum vassal_word word);

/* The signal that does what the Emperor's byte says; 0: no word of his. */
int vassal_signal(unsigned char byte);

#endif
