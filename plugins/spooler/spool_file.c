/* spool_file.c - see spool_file.h. */
#include "spool_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODIFIER 17
#define PAIRS_MAX 65535
#define HOST_MAX 128
#define PRIORITY_DIGITS 9

static void put_u16(unsigned char *at, size_t n)
{
	at[0] = (unsigned char)(n & 0xff);
	at[1] = (unsigned char)(n >> 8);
}

static size_t get_u16(const char *at)
{
	return (unsigned char)at[0] | (size_t)(unsigned char)at[1] << 8;
}

/* ---- making ---- */

void spool_packet_begin(struct spool_packet *packet)
{
	packet->len = SPOOL_HEAD;
	packet->bytes[0] = MODIFIER;
	put_u16(packet->bytes + 1, 0);
	packet->bytes[3] = 0;
}

static void put_text(struct spool_packet *packet, struct uwsgi_str text)
{
	put_u16(packet->bytes + packet->len, text.n);
	if (text.n)
		memcpy(packet->bytes + packet->len + 2, text.p, text.n);
	packet->len += 2 + text.n;
}

int spool_packet_add(struct spool_packet *packet, struct uwsgi_str key, struct uwsgi_str value)
{
	size_t room = SPOOL_PACKET_MAX - packet->len;
	if (!key.n)
		return -EINVAL;
	if (key.n > PAIRS_MAX || value.n > PAIRS_MAX || 4 + key.n + value.n > room)
		return -E2BIG;
	put_text(packet, key);
	put_text(packet, value);
	put_u16(packet->bytes + 1, packet->len - SPOOL_HEAD);
	return 0;
}

/* ---- reading ---- */

static bool next_text(struct uwsgi_str *rest, struct uwsgi_str *text_r)
{
	if (rest->n < 2 || rest->n - 2 < get_u16(rest->p))
		return false;
	*text_r = (struct uwsgi_str){ rest->p + 2, get_u16(rest->p) };
	rest->p += 2 + text_r->n;
	rest->n -= 2 + text_r->n;
	return true;
}

bool spool_task_next(struct uwsgi_str *pairs, struct uwsgi_str *key_r, struct uwsgi_str *value_r)
{
	return next_text(pairs, key_r) && key_r->n && next_text(pairs, value_r);
}

int spool_task_parse(const char *bytes, size_t len, struct spool_task *task_r)
{
	if (len < SPOOL_HEAD || bytes[0] != MODIFIER || bytes[3] != 0)
		return -EBADMSG;
	size_t size = get_u16(bytes + 1);
	if (size > len - SPOOL_HEAD)
		return -EBADMSG;
	struct uwsgi_str pairs = { bytes + SPOOL_HEAD, size }, rest = pairs, key, value;
	while (rest.n)
		if (!spool_task_next(&rest, &key, &value))
			return -EBADMSG;
	*task_r = (struct spool_task){ pairs, { bytes + SPOOL_HEAD + size, len - SPOOL_HEAD - size } };
	return 0;
}

struct uwsgi_str spool_task_value(const struct spool_task *task, const char *key)
{
	struct uwsgi_str rest = task->pairs, name, value, found = { NULL, 0 };
	while (spool_task_next(&rest, &name, &value))
		if (name.n == strlen(key) && !memcmp(name.p, key, name.n))
			found = value;
	return found;
}

/* ---- names ---- */

size_t spool_name_make(char name_r[SPOOL_NAME_MAX], const struct spool_name *name)
{
	size_t n =
		(size_t)snprintf(name_r, SPOOL_NAME_MAX, SPOOL_PREFIX "%.*s_%d_%u_%u_%llu_%llu", HOST_MAX, name->host,
				 name->pid, name->count, name->random, (unsigned long long)(name->now_us / 1000000),
				 (unsigned long long)(name->now_us % 1000000));
	for (char *p = name_r; *p; p++)
		if (*p == '/')
			*p = '_';
	return n;
}

bool spool_name_is_task(const char *name)
{
	return !strncmp(name, SPOOL_PREFIX, sizeof SPOOL_PREFIX - 1) && !strchr(name, '/');
}

int64_t spool_priority_of(const char *name)
{
	size_t n = strspn(name, "0123456789");
	return n && !name[n] && n <= PRIORITY_DIGITS ? strtoll(name, NULL, 10) : -1;
}

bool spool_path_is_task(const char *path)
{
	char priority[PRIORITY_DIGITS + 1];
	size_t n = strcspn(path, "/");
	if (!path[n])
		return spool_name_is_task(path);
	if (n >= sizeof priority)
		return false;
	memcpy(priority, path, n);
	priority[n] = 0;
	return spool_priority_of(priority) >= 0 && spool_name_is_task(path + n + 1);
}
