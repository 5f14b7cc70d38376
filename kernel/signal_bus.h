/* signal_bus.h - the queues and the table of one generation's signals, in shared memory; see uwsgi/signal.h. */
#ifndef KERNEL_SIGNAL_BUS_H
#define KERNEL_SIGNAL_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uwsgi/signal.h>

struct handover;
struct signal_bus;

/* Whose processes handle signals: those of a kind, by their numbers, or a group that shares one queue under a name of
 * its own ("farm_old"). */
struct signal_kind {
	char name[64], also[64]; /* also: a second name of a group, or "" */
	int count;		 /* of a group: 0 */
	bool is_group;
	int first; /* set by signal_bus_create: its shared queue; those of its numbers follow */
};

enum signal_scope { SIGNAL_NOBODY, SIGNAL_ANY, SIGNAL_EACH, SIGNAL_ONE };

struct signal_target {
	enum signal_scope scope;
	int kind;   /* index into the kinds of the bus */
	int number; /* ONE: 1.. */
};

/* Read a target.  scope NOBODY: no process of these kinds answers to it. */
struct signal_target signal_target_parse(const char *text, const struct signal_kind *kinds, int count);

/* Make the bus of a generation, before its processes are forked; `handover` may be NULL.  NULL: out of memory or
 * descriptors.  [master] */
struct signal_bus *signal_bus_create(struct handover *handover, unsigned generation, const struct signal_kind *kinds,
				     int count);
/* Take over the one the image before made.  NULL: there is none. */
struct signal_bus *signal_bus_claim(struct handover *handover, unsigned generation);
/* Its generation is gone. */
void signal_bus_destroy(struct signal_bus **bus, struct handover *handover);

/* Whose a number is: nobody's, the application's, or of a process in its place, any larger number. */
enum { SIGNAL_OF_NOBODY, SIGNAL_OF_APPLICATION, SIGNAL_OF_PLACES };
int signal_bus_owner(const struct signal_bus *bus, uint8_t number);
/* It is `owner`'s from now on, unless it has one.  Who has it then: of several who ask at once, each hears the same. */
int signal_bus_reserve(struct signal_bus *bus, uint8_t number, int owner);
/* Give a number a target; for its owner.  0, or -ESRCH: nobody answers to it. */
int signal_bus_register(struct signal_bus *bus, uint8_t number, const char *target);
/* Put a number into the queues of its target; `workers` is how many of the first kind there are now.  0 or as
 * uwsgi_signal_raise. */
int signal_bus_raise(struct signal_bus *bus, uint8_t number, int workers);

/* The queue of any process of a kind (number 0), of one, or of a group (number 0); -1: none. */
int signal_bus_queue(const struct signal_bus *bus, const char *kind, int number);
/* Readable when something is in the queue.  Reading is left to signal_bus_take. */
int signal_bus_fd(const struct signal_bus *bus, int queue);
/* The next number of a queue, -1: none.  When more is left, the others of its kind are woken. */
int signal_bus_take(struct signal_bus *bus, int queue);
/* How many numbers are in a queue, or, of queue -1, in all. */
unsigned signal_bus_waiting(const struct signal_bus *bus, int queue);
/* Wake whoever waits for the queue, if something is in it: a process that died may have been woken in vain. */
void signal_bus_nudge(struct signal_bus *bus, int queue);
/* A number was handled, well or not. */
void signal_bus_handled(struct signal_bus *bus, uint8_t number, bool well);
int signal_bus_get(const struct signal_bus *bus, uint8_t number, struct uwsgi_signal_info *info_r);

#endif
