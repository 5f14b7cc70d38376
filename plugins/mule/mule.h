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
};

/* The one instance: options fill it, the API and the processes use it, and a row has no handle. */
const struct mules *mules(void);

/* "name:1,2,3".  NULL, or what is wrong with it. */
const char *farm_parse(const char *text, int mules, struct farm *farm_r);
/* Index of a farm, by name or number from 1; -1: there is none. */
int farm_find(const struct mules *m, const char *name);

/* The queues mule `number` listens to; with `own` its own and the one of any mule, with `farms` those of its farms.
 * Returns how many; room for count + 2 + farm_count. */
int mule_queues(const struct mules *m, int number, bool own, bool farms, struct message_queue **queues_r);
/* The life of a mule. */
int mule_run(int number);
/* Its number in a mule, else 0. */
int mule_my_number(void);

extern const struct uwsgi_api_fn mule_api[];

#endif
