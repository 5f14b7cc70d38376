/* mule.h - mules: processes beside the workers that handle signals and messages, or run a program of their own. */
#ifndef MULE_H
#define MULE_H

#include "message_queue.h"

#include <uwsgi.h>

struct farm {
	char *name;
	bool *members; /* by number of mule, from 1 */
};

struct mules {
	const char **programs; /* of mule 1..: "" when it has none */
	int count;
	struct farm *farms;
	int farm_count;
	struct message_queue **queues; /* [0] of any mule, [1..count] of each, then of the farms */
	size_t message_max;
	int harakiri;		      /* seconds for a message or signal; 0: no limit */
	struct uwsgi_strings actions; /* of hook-as-mule */
};

/* The one instance: options fill it, the API and the processes use it, and a row has no handle. */
const struct mules *mules(void);

/* "name:1,2,3".  NULL, or what is wrong with it. */
const char *farm_parse(const char *text, int mules, struct farm *farm_r);
/* Index of a farm, by name or number from 1; -1: there is none. */
int farm_find(const struct mules *m, const char *name);

/* Queues that a mule reads from. */
struct mailbox {
	struct message_queue **queues;
	int count;
	int fd; /* readable when one of them may have a message */
};

enum mailbox_of {
	MAILBOX_OWN,	     /* what is for this mule */
	MAILBOX_OWN_AND_ANY, /* and what is for any */
	MAILBOX_FARMS,	     /* what is for one of its farms */
};
/* What mule `number` reads from.  0 or -errno. */
int mailbox_open(const struct mules *m, int number, enum mailbox_of of, struct mailbox *box_r);
/* message_queue_take of the first queue that has one, and which queue that is. */
int mailbox_take(const struct mailbox *box, struct message_queue **queue_r, struct message *message_r);
/* message_queue_recover of all its queues. */
int mailbox_recover(const struct mailbox *box);

/* Handle the messages of both from now on, in the loop of this process; a message that is taken needs no memory.  0 or
 * -errno. */
int inbox_open(const struct mailbox *own, const struct mailbox *farms);

/* Register the farms as targets of signals.  0 or -errno, after uwsgi_cause.  [main] */
int farm_targets(const struct mules *m);

/* The life of a mule. */
int mule_run(int number);
/* Its number in a mule, else 0; its mailboxes. */
int mule_my_number(void);
const struct mailbox *mule_own_box(void);
const struct mailbox *mule_farm_box(void);

/* ---- mule_stats.c: what each mule has done ---- */

/* [main] 0 or -ENOMEM. */
int mule_stats_open(int count);
/* Mule `number` took a message; its handler raised. */
void mule_stats_took(int number);
void mule_stats_failed(int number);
void mule_stats(struct uwsgi_value *stats);
int mule_api_mules(struct uwsgi_call *c);

extern const struct uwsgi_api_fn mule_api[];

#endif
