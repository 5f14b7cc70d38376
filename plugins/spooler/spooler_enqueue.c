/* spooler_enqueue.c - from the arguments of a program to a task: which spooler, which priority, when, and the pairs. */
#include "spooler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool_write.h"

/* Keys with a meaning.  All but the body are also given to the task, as uWSGI 2.0 does. */
enum reserved { SPOOLER, PRIORITY, AT, BODY, RESERVED };
static const char *const reserved_names[RESERVED] = { "spooler", "priority", "at", "body" };

struct order {
	struct spool_packet packet;
	struct uwsgi_str reserved[RESERVED];
	char numbers[RESERVED][32]; /* texts of what was given as a number */
};

#define FAIL(c, error, ...) uwsgi_fail((c), (error), "unable to spool job: " __VA_ARGS__)

/* The text of a value; numbers are written into `room`.  {NULL, 0}: it has none. */
static struct uwsgi_str text_of(const struct uwsgi_value *v, char room[32])
{
	switch (uwsgi_value_type(v)) {
	case UWSGI_T_BYTES:
	case UWSGI_T_STR:
		return uwsgi_value_str(v);
	case UWSGI_T_BOOL:
	case UWSGI_T_INT:
		snprintf(room, 32, "%lld", (long long)uwsgi_value_int(v));
		break;
	case UWSGI_T_FLOAT:
		snprintf(room, 32, "%.6f", uwsgi_value_float(v));
		break;
	default:
		return (struct uwsgi_str){ NULL, 0 };
	}
	return (struct uwsgi_str){ room, strlen(room) };
}

static int add_pair(struct uwsgi_call *c, struct order *order, const struct uwsgi_value *k, const struct uwsgi_value *v)
{
	char room[32] = "";
	struct uwsgi_str key = uwsgi_value_str(k), value = text_of(v, room);
	enum reserved r = 0;
	while (r < RESERVED && (key.n != strlen(reserved_names[r]) || memcmp(key.p, reserved_names[r], key.n)))
		r++;
	if (r < RESERVED && uwsgi_value_type(v) == UWSGI_T_NONE)
		return 0; /* as if it had not been given */
	if (!value.p)
		return FAIL(c, UWSGI_EVALUE,
			    "spooler callable dictionary must contains only bytes: the value of "
			    "\"%.*s\" is neither text nor a number",
			    (int)(key.n < 64 ? key.n : 64), key.p);
	if (r < RESERVED) {
		memcpy(order->numbers[r], room, sizeof room);
		order->reserved[r] = value.p == room ? (struct uwsgi_str){ order->numbers[r], value.n } : value;
	}
	if (r == BODY)
		return 0;
	int failed = spool_packet_add(&order->packet, key, value);
	if (failed == -EINVAL)
		return FAIL(c, UWSGI_EVALUE, "a key is empty");
	if (failed)
		return FAIL(c, UWSGI_EVALUE,
			    "its keys and values have more than 64k bytes: put what is large into body");
	return 0;
}

static const struct spooler *find_spooler(struct uwsgi_str given)
{
	const struct spooler_options *o = spooler_options();
	char path[PATH_MAX], real[PATH_MAX];
	if (!given.n)
		return o->count ? &o->list[0] : NULL;
	if ((size_t)snprintf(path, sizeof path, "%.*s", (int)given.n, given.p) >= sizeof path)
		return NULL;
	char *end;
	unsigned long number = strtoul(path, &end, 10);
	if (*path && !*end)
		return number >= 1 && number <= o->count ? &o->list[number - 1] : NULL;
	for (size_t i = 0; i < o->count; i++)
		if (!strcmp(o->list[i].path, path))
			return &o->list[i];
	for (size_t i = 0; realpath(path, real) && i < o->count; i++)
		if (!strcmp(o->list[i].path, real))
			return &o->list[i];
	return NULL;
}

/* A number with an optional fraction, which is cut.  -1: it is none. */
static int64_t whole_number(struct uwsgi_str text)
{
	char digits[32], *end;
	if (!text.n || text.n >= sizeof digits)
		return -1;
	memcpy(digits, text.p, text.n);
	digits[text.n] = 0;
	long long number = strtoll(digits, &end, 10);
	return end == digits || (*end && *end != '.') || number < 0 ? -1 : number;
}

static int aim(struct uwsgi_call *c, const struct order *order, struct spool_target *target_r)
{
	const struct spooler_options *o = spooler_options();
	const struct uwsgi_str *given = order->reserved;
	const struct spooler *spooler = find_spooler(given[SPOOLER]);
	if (!spooler)
		return FAIL(c, UWSGI_EVALUE, "there is no spooler \"%.*s\"", (int)given[SPOOLER].n,
			    given[SPOOLER].p ? given[SPOOLER].p : "");
	*target_r = (struct spool_target){ spooler->path, o->sync ? spooler->sync : NULL, spooler->spares, -1, -1 };
	if (given[PRIORITY].n) {
		char name[16];
		snprintf(name, sizeof name, "%.*s", (int)given[PRIORITY].n, given[PRIORITY].p);
		target_r->priority = spool_priority_of(name);
		if (target_r->priority < 0)
			return FAIL(c, UWSGI_EVALUE, "priority \"%s\" is no number of at most 9 digits", name);
	}
	target_r->at = whole_number(given[AT]); /* what is no number means now, as ever */
	if (o->max_size && (int64_t)(order->packet.len + given[BODY].n) > o->max_size)
		return FAIL(c, UWSGI_EVALUE, "it has %zu bytes, spooler-max-size allows %lld",
			    order->packet.len + given[BODY].n, (long long)o->max_size);
	return 0;
}

int spooler_enqueue(struct uwsgi_call *c, const struct uwsgi_value *const maps[], size_t count)
{
	struct order order;
	struct spool_target target;
	char path[PATH_MAX];
	memset(order.reserved, 0, sizeof order.reserved);
	spool_packet_begin(&order.packet);
	for (size_t m = 0; m < count; m++)
		for (size_t i = 0; i < uwsgi_value_len(maps[m]); i++)
			if (add_pair(c, &order, uwsgi_value_key_at(maps[m], i), uwsgi_value_at(maps[m], i)))
				return -1;
	if (aim(c, &order, &target))
		return -1;
	struct uwsgi_str body = order.reserved[BODY];
	int failed = spool_write(&target, &order.packet, body, path);
	if (failed)
		return FAIL(c, UWSGI_EOS, "writing to %s: %s; nothing was queued", target.path, strerror(-failed));
	if (!spooler_options()->quiet)
		uwsgi_log("[spooler] written %zu bytes to file %s\n", order.packet.len + body.n, path);
	uwsgi_ret_bytes(c, path, strlen(path));
	return 0;
}
