/* farm.c - groups of mules. */
#include "mule.h"

#include <errno.h>
#include <stdio.h>
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
	if (!f.name)
		return "memory is out";
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

/* "farm_old" and "farm1" are the same farm. */
int farm_targets(const struct mules *m)
{
	for (int i = 0; i < m->farm_count; i++) {
		const struct farm *farm = &m->farms[i];
		char by_name[128], by_number[32];
		snprintf(by_name, sizeof by_name, "farm_%s", farm->name);
		snprintf(by_number, sizeof by_number, "farm%d", i + 1);
		int failed = uwsgi_signal_group(by_name, by_number, "mule", farm->members + 1, m->count);
		if (failed) {
			uwsgi_cause("farm = %s: %s", farm->name,
				    failed == -EEXIST	? "there are two of that name"
				    : failed == -EINVAL ? "the name is longer than 58 bytes"
							: strerror(-failed));
			return failed;
		}
	}
	return 0;
}
