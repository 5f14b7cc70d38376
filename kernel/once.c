/* once.c - see once.h. */
#include "once.h"

#include "handover.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <uwsgi/log.h>
#include <uwsgi/option.h>

static const char *const names[] = {
	"chroot", "pivot-root", "unshare", "unshare2", "uid", "gid", "cap", "umask", NULL
};

static void key_of(const char *name, char key[48])
{
	snprintf(key, 48, "once %s", name);
}

static const char *value_of(const char *name)
{
	const char *value = uwsgi_option_get(name);
	return value ? value : "";
}

int once_keep(struct handover *h)
{
	int failed = 0;
	char key[48];
	for (const char *const *name = names; *name && !failed; name++) {
		key_of(*name, key);
		failed = handover_keep(h, key, -1, value_of(*name));
	}
	return failed;
}

void once_check(struct handover *h)
{
	char key[48];
	for (const char *const *name = names; *name; name++) {
		const char *was, *is = value_of(*name);
		key_of(*name, key);
		if (handover_claim(h, key, NULL, &was) && strcmp(was, is))
			uwsgi_log(
				"uwsgi: %s was \"%s\" at the start and is \"%s\" now: that takes a restart, the reload "
				"goes on without it\n",
				*name, was, is);
	}
}
