/* daemon_spec.c - what the options say about a daemon. */
#include "daemon.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_FREQ 10

enum value_type { TEXT, NUMBER, TRUTH, WITHOUT_EFFECT };

static const struct key {
	const char *name;
	enum value_type type;
	size_t offset;
} keys[] = {
#define KEY(NAME, TYPE, FIELD)                                                                                         \
	{                                                                                                              \
		NAME, TYPE, offsetof(struct daemon_spec, FIELD)                                                        \
	}
	KEY("command", TEXT, command),
	KEY("cmd", TEXT, command),
	KEY("exec", TEXT, command),
	KEY("pidfile", TEXT, pidfile),
	KEY("touch", TEXT, touch),
	KEY("chdir", TEXT, chdir),
	KEY("uid", TEXT, uid),
	KEY("gid", TEXT, gid),
	KEY("freq", NUMBER, freq),
	KEY("stop_signal", NUMBER, stop_signal),
	KEY("stopsignal", NUMBER, stop_signal),
	KEY("reload_signal", NUMBER, reload_signal),
	KEY("reloadsignal", NUMBER, reload_signal),
	KEY("max_throttle", NUMBER, max_throttle),
	KEY("control", TRUTH, control),
	KEY("stdin", TRUTH, honour_stdin),
	KEY("ns_pid", TRUTH, ns_pid),
#undef KEY
	/* what has a pidfile is put in the background in any case */
	{ "daemonize", WITHOUT_EFFECT, 0 },
	{ "daemon", WITHOUT_EFFECT, 0 },
	{ "notifypid", WITHOUT_EFFECT, 0 },
};

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static const char *store(struct daemon_spec *spec, const struct key *key, const char *value)
{
	char *field = (char *)spec + key->offset, *end;
	if (key->type == WITHOUT_EFFECT)
		return NULL;
	if (key->type == TEXT) {
		*(const char **)field = value;
		return NULL;
	}
	long number = strtol(value, &end, 10);
	if (key->type == NUMBER && (end == value || *end || number < 0 || number > INT_MAX))
		return "a number is not one";
	if (key->type == NUMBER)
		*(int *)field = (int)number;
	else
		*(bool *)field = *value && (end == value || number);
	return NULL;
}

/* Cut off the next item: up to a comma that has no backslash before it.  NULL after the last. */
static char *next_item(char **rest)
{
	char *item = *rest, *to = item, *from = item;
	if (!item)
		return NULL;
	for (; *from && *from != ','; *to++ = *from++)
		if (from[0] == '\\' && from[1] == ',')
			from++;
	*rest = *from ? from + 1 : NULL;
	*to = 0;
	return item;
}

static const char *check(const struct daemon_spec *spec)
{
	if (!spec->command || !*spec->command)
		return "the command is missing";
	if (spec->stop_signal > 64 || spec->reload_signal > 64)
		return "there is no signal of that number";
	return NULL;
}

const char *daemon_spec_parse(const char *text, struct daemon_spec *spec_r)
{
	char *rest = strdup(text); /* kept: the texts of the spec are in it */
	const char *wrong = rest ? NULL : "memory is out";
	*spec_r = (struct daemon_spec){ .freq = DEFAULT_FREQ };
	for (char *item; !wrong && (item = next_item(&rest));) {
		char *value = strchr(item, '=');
		if (!value)
			return "every item must be key=value; a comma inside of a value is written \\,";
		*value++ = 0;
		const struct key *key = find_key(item);
		wrong = key ? store(spec_r, key, value) : "there is no such key";
	}
	return wrong ? wrong : check(spec_r);
}

const char *daemon_spec_parse_smart(const char *text, struct daemon_spec *spec_r)
{
	char *copy = strdup(text);
	*spec_r = (struct daemon_spec){ .freq = DEFAULT_FREQ };
	if (!copy)
		return "memory is out";
	char *command = strchr(copy, ' ');
	if (!command)
		return "the form is PIDFILE COMMAND";
	*command++ = 0;
	spec_r->pidfile = copy;
	spec_r->command = command + strspn(command, " ");
	return check(spec_r);
}
