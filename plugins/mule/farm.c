/* farm.c - groups of mules. */
#include "mule.h"

#include <stdlib.h>
#include <string.h>

const char *farm_parse(const char *text, int mules, struct farm *farm_r)
{
	const char *colon = strchr(text, ':');
	struct farm f = { 0 };
	if (!colon || colon == text || !colon[1])
		return "give a name, a colon and numbers of mules";
	f.members = calloc((size_t)mules + 1, sizeof *f.members);
	for (const char *at = colon + 1;;) {
		char *end;
		long number = strtol(at, &end, 10);
		if (!f.members || end == at || number < 1 || number > mules || (*end && *end != ',')) {
			free(f.members);
			return "there is no such mule";
		}
		f.members[number] = true;
		if (!*end)
			break;
		at = end + 1;
	}
	f.name = strndup(text, (size_t)(colon - text));
	*farm_r = f;
	return NULL;
}

int farm_find(const struct mules *m, const char *name)
{
	for (int i = 0; i < m->farm_count; i++)
		if (!strcmp(m->farms[i].name, name))
			return i;
	char *end;
	long number = strtol(name, &end, 10);
	return *name && !*end && number >= 1 && number <= m->farm_count ? (int)number - 1 : -1;
}

int mule_queues(const struct mules *m, int number, bool own, bool farms, struct message_queue **queues_r)
{
	int count = 0;
	if (own) {
		queues_r[count++] = m->queues[number];
		queues_r[count++] = m->queues[0];
	}
	for (int i = 0; farms && i < m->farm_count; i++)
		if (m->farms[i].members[number])
			queues_r[count++] = m->queues[1 + m->count + i];
	return count;
}
