/* value.c - neutral values: what crosses between a function of the API table and the language that calls it.
 *
 * A value on a stack costs nothing; lists and maps hold pointers, so that an element stays where it is while its
 * parent grows. */
#include "value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *uwsgi_type_name(enum uwsgi_type type)
{
	static const char *const names[] = {
		[UWSGI_T_NONE] = "None",   [UWSGI_T_BOOL] = "bool", [UWSGI_T_INT] = "int",   [UWSGI_T_FLOAT] = "float",
		[UWSGI_T_BYTES] = "bytes", [UWSGI_T_STR] = "str",   [UWSGI_T_LIST] = "list", [UWSGI_T_MAP] = "map",
		[UWSGI_T_FN] = "fn",	   [UWSGI_T_VIEW] = "view", [UWSGI_T_TEXT] = "text", [UWSGI_T_ANY] = "any",
	};
	return (size_t)type < sizeof names / sizeof *names ? names[type] : "?";
}

bool value_is_text(const struct uwsgi_value *v)
{
	return v->type == UWSGI_T_BYTES || v->type == UWSGI_T_STR || v->type == UWSGI_T_VIEW;
}

static bool is_container(const struct uwsgi_value *v)
{
	return v->type == UWSGI_T_LIST || v->type == UWSGI_T_MAP;
}

static size_t slots(const struct uwsgi_value *container)
{
	return container->type == UWSGI_T_MAP ? 2 * container->u.list.n : container->u.list.n;
}

/* ---- reading ---- */

enum uwsgi_type uwsgi_value_type(const struct uwsgi_value *v)
{
	return v->type;
}

int64_t uwsgi_value_int(const struct uwsgi_value *v)
{
	if (v->type == UWSGI_T_FLOAT)
		return (int64_t)v->u.f;
	return v->type == UWSGI_T_INT || v->type == UWSGI_T_BOOL ? v->u.i : 0;
}

double uwsgi_value_float(const struct uwsgi_value *v)
{
	return v->type == UWSGI_T_FLOAT ? v->u.f : (double)uwsgi_value_int(v);
}

struct uwsgi_str uwsgi_value_str(const struct uwsgi_value *v)
{
	return value_is_text(v) ? v->u.s : (struct uwsgi_str){ NULL, 0 };
}

size_t uwsgi_value_len(const struct uwsgi_value *v)
{
	return is_container(v) ? v->u.list.n : 0;
}

const struct uwsgi_value *uwsgi_value_at(const struct uwsgi_value *v, size_t i)
{
	assert(i < uwsgi_value_len(v));
	return v->u.list.items[v->type == UWSGI_T_MAP ? 2 * i + 1 : i];
}

const struct uwsgi_value *uwsgi_value_key_at(const struct uwsgi_value *v, size_t i)
{
	assert(v->type == UWSGI_T_MAP && i < v->u.list.n);
	return v->u.list.items[2 * i];
}

/* ---- making ---- */

void uwsgi_value_clear(struct uwsgi_value *v)
{
	if (is_container(v)) {
		for (size_t i = 0; i < slots(v); i++)
			uwsgi_value_free(v->u.list.items[i]);
		free(v->u.list.items);
	} else if (value_is_text(v) && (v->flags & UWSGI_VALUE_OWNED)) {
		free((char *)v->u.s.p);
	}
	*v = (struct uwsgi_value){ 0 };
}

void uwsgi_value_free(struct uwsgi_value *v)
{
	if (!v)
		return;
	uwsgi_value_clear(v);
	free(v);
}

int uwsgi_value_set_text(struct uwsgi_value *v, enum uwsgi_type type, const void *p, size_t n)
{
	assert(type == UWSGI_T_BYTES || type == UWSGI_T_STR);
	char *copy = malloc(n + 1);
	if (!copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, p, n);
	copy[n] = '\0';
	uwsgi_value_clear(v);
	v->type = type;
	v->flags = UWSGI_VALUE_OWNED;
	v->u.s = (struct uwsgi_str){ copy, n };
	return 0;
}

void uwsgi_value_set_list(struct uwsgi_value *v)
{
	uwsgi_value_clear(v);
	v->type = UWSGI_T_LIST;
	v->u.list.items = NULL;
	v->u.list.n = 0;
}

void uwsgi_value_set_map(struct uwsgi_value *v)
{
	uwsgi_value_set_list(v);
	v->type = UWSGI_T_MAP;
}

struct uwsgi_value *uwsgi_value_new_list(void)
{
	struct uwsgi_value *v = calloc(1, sizeof *v);
	if (v)
		uwsgi_value_set_list(v);
	return v;
}

static int reserve(struct uwsgi_value *to, size_t more)
{
	size_t need = slots(to) + more;
	if (need <= to->room)
		return 0;
	size_t room = to->room ? 2 * (size_t)to->room : 8;
	if (room > UINT32_MAX)
		return -ENOMEM;
	struct uwsgi_value **items = reallocarray(to->u.list.items, room, sizeof *items);
	if (!items)
		return -ENOMEM;
	to->u.list.items = items;
	to->room = (uint32_t)room;
	return 0;
}

struct uwsgi_value *uwsgi_value_add(struct uwsgi_value *to, const struct uwsgi_value *key)
{
	assert(to->type == (key ? UWSGI_T_MAP : UWSGI_T_LIST));
	if (reserve(to, key ? 2 : 1) < 0)
		return NULL;
	struct uwsgi_value *name = key ? calloc(1, sizeof *name) : NULL;
	struct uwsgi_value *element = calloc(1, sizeof *element);
	if (!element || (key && (!name || uwsgi_value_set_text(name, key->type, key->u.s.p, key->u.s.n) < 0))) {
		free(name);
		free(element);
		return NULL;
	}
	size_t at = slots(to);
	if (key)
		to->u.list.items[at++] = name;
	to->u.list.items[at] = element;
	to->u.list.n++;
	return element;
}

static struct uwsgi_value *add(struct uwsgi_value *to, const char *key)
{
	if (!to)
		return NULL;
	struct uwsgi_value name = { .type = UWSGI_T_STR };
	if (key)
		name.u.s = (struct uwsgi_str){ key, strlen(key) };
	return uwsgi_value_add(to, key ? &name : NULL);
}

struct uwsgi_value *uwsgi_add_none(struct uwsgi_value *to, const char *key)
{
	return add(to, key);
}

struct uwsgi_value *uwsgi_add_bool(struct uwsgi_value *to, const char *key, bool v)
{
	struct uwsgi_value *element = uwsgi_add_int(to, key, v);
	if (element)
		element->type = UWSGI_T_BOOL;
	return element;
}

struct uwsgi_value *uwsgi_add_int(struct uwsgi_value *to, const char *key, int64_t v)
{
	struct uwsgi_value *element = add(to, key);
	if (element)
		*element = (struct uwsgi_value){ .type = UWSGI_T_INT, .u.i = v };
	return element;
}

struct uwsgi_value *uwsgi_add_float(struct uwsgi_value *to, const char *key, double v)
{
	struct uwsgi_value *element = add(to, key);
	if (element)
		*element = (struct uwsgi_value){ .type = UWSGI_T_FLOAT, .u.f = v };
	return element;
}

static struct uwsgi_value *add_text(struct uwsgi_value *to, const char *key, enum uwsgi_type type, const void *p,
				    size_t n)
{
	struct uwsgi_value *element = add(to, key);
	/* Without memory for the text its place stays None; the caller is told. */
	if (!element || uwsgi_value_set_text(element, type, p, n) < 0)
		return NULL;
	return element;
}

struct uwsgi_value *uwsgi_add_bytes(struct uwsgi_value *to, const char *key, const void *p, size_t n)
{
	return add_text(to, key, UWSGI_T_BYTES, p, n);
}

struct uwsgi_value *uwsgi_add_str(struct uwsgi_value *to, const char *key, const char *p, size_t n)
{
	return add_text(to, key, UWSGI_T_STR, p, n);
}

struct uwsgi_value *uwsgi_add_list(struct uwsgi_value *to, const char *key)
{
	struct uwsgi_value *element = add(to, key);
	if (element)
		uwsgi_value_set_list(element);
	return element;
}

struct uwsgi_value *uwsgi_add_map(struct uwsgi_value *to, const char *key)
{
	struct uwsgi_value *element = add(to, key);
	if (element)
		uwsgi_value_set_map(element);
	return element;
}
