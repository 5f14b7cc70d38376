/* option.c - the registry of option rows.
 *
 * Rows are copied in, so that a plugin's table may be smaller than ours, and never move afterwards: what option_find
 * returns is valid as long as the registry.  A hash of names makes a lookup cheap; configurations ask for each key. */
#include "option.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uwsgi/log.h>

struct slot {
	struct uwsgi_option row; /* .value is the variable itself, whatever the table said */
	const char *owner;
};

struct option_registry {
	struct slot **slots;
	size_t n, cap;
	size_t *index; /* open addressing: position in slots + 1, 0 is free */
	size_t index_size;
};

static size_t hash(const char *name)
{
	size_t h = 14695981039346656037ULL;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211ULL;
	return h;
}

/* The index cell of a name: its own, or the free one where it would go. */
static size_t *cell_of(const struct option_registry *reg, const char *name)
{
	size_t mask = reg->index_size - 1;
	for (size_t i = hash(name) & mask;; i = (i + 1) & mask)
		if (!reg->index[i] || !strcmp(reg->slots[reg->index[i] - 1]->row.name, name))
			return &reg->index[i];
}

static struct slot *find_slot(const struct option_registry *reg, const char *name)
{
	size_t cell = *cell_of(reg, name);
	return cell ? reg->slots[cell - 1] : NULL;
}

/* Room for `more` rows, with the index at most half full. */
static int reserve(struct option_registry *reg, size_t more)
{
	size_t need = reg->n + more;
	if (need > reg->cap) {
		size_t cap = need * 2;
		struct slot **slots = realloc(reg->slots, cap * sizeof *slots);
		if (!slots)
			return -ENOMEM;
		reg->slots = slots;
		reg->cap = cap;
	}
	if (need * 2 <= reg->index_size)
		return 0;

	size_t size = reg->index_size;
	while (size < need * 2)
		size *= 2;
	size_t *index = calloc(size, sizeof *index);
	if (!index)
		return -ENOMEM;
	free(reg->index);
	reg->index = index;
	reg->index_size = size;
	for (size_t i = 0; i < reg->n; i++)
		*cell_of(reg, reg->slots[i]->row.name) = i + 1;
	return 0;
}

struct option_registry *option_registry_create(void)
{
	struct option_registry *reg = calloc(1, sizeof *reg);
	if (!reg)
		return NULL;
	reg->index_size = 1024;
	reg->index = calloc(reg->index_size, sizeof *reg->index);
	if (!reg->index)
		option_registry_destroy(&reg);
	return reg;
}

void option_registry_destroy(struct option_registry **reg)
{
	if (!*reg)
		return;
	for (size_t i = 0; i < (*reg)->n; i++)
		free((*reg)->slots[i]);
	free((*reg)->slots);
	free((*reg)->index);
	free(*reg);
	*reg = NULL;
}

static struct slot *slot_new(const char *owner, const void *row, size_t stride, void *base)
{
	struct slot *slot = calloc(1, sizeof *slot);
	if (!slot)
		return NULL;
	memcpy(&slot->row, row, stride < sizeof slot->row ? stride : sizeof slot->row);
	slot->owner = owner;
	if (!base || slot->row.alias_of)
		return slot;
	if (slot->row.type != UWSGI_OPT_CALL)
		slot->row.value = (char *)base + (uintptr_t)slot->row.value;
	else if (!slot->row.data)
		slot->row.data = base;
	return slot;
}

/* What is wrong with a row, or NULL. */
static const char *row_fault(const struct uwsgi_option *row)
{
	if (row->alias_of)
		return NULL;
	if (row->type > UWSGI_OPT_CALL)
		return "its type is unknown to this kernel";
	if (row->type == UWSGI_OPT_CALL)
		return row->apply ? NULL : "it has no apply function";
	return row->value ? NULL : "it has no variable";
}

static int insert(struct option_registry *reg, struct slot *slot)
{
	const char *fault = row_fault(&slot->row);
	if (fault) {
		uwsgi_log("option %s of %s: %s, its options are refused\n", slot->row.name, slot->owner, fault);
		return -EINVAL;
	}
	size_t *cell = cell_of(reg, slot->row.name);
	if (*cell) {
		uwsgi_log("option %s of %s: %s already has it, the options of %s are refused\n", slot->row.name,
			  slot->owner, reg->slots[*cell - 1]->owner, slot->owner);
		return -EEXIST;
	}
	reg->slots[reg->n] = slot;
	*cell = ++reg->n;
	return 0;
}

/* Take back the newest rows.  Open addressing cannot delete, so the index is built again. */
static void forget_after(struct option_registry *reg, size_t n)
{
	while (reg->n > n)
		free(reg->slots[--reg->n]);
	memset(reg->index, 0, reg->index_size * sizeof *reg->index);
	for (size_t i = 0; i < n; i++)
		*cell_of(reg, reg->slots[i]->row.name) = i + 1;
}

int option_register(struct option_registry *reg, const char *owner, const struct uwsgi_option *rows, size_t stride,
		    void *base)
{
	assert(stride >= sizeof(const char *));
	size_t before = reg->n;
	const char *at = (const char *)rows;
	for (const char *name; (name = *(const char *const *)at); at += stride) {
		struct slot *slot = slot_new(owner, at, stride, base);
		int rc = slot ? reserve(reg, 1) : -ENOMEM;
		if (!rc)
			rc = insert(reg, slot);
		if (!rc)
			continue;
		free(slot);
		forget_after(reg, before);
		return rc;
	}
	return 0;
}

static const struct uwsgi_option *follow(const struct option_registry *reg, const struct slot *slot)
{
	/* An alias of an alias is allowed, a circle is not worth a message. */
	for (int hops = 0; slot && slot->row.alias_of && hops < 8; hops++) {
		const struct slot *target = find_slot(reg, slot->row.alias_of);
		if (!target)
			break;
		slot = target;
	}
	return slot ? &slot->row : NULL;
}

const struct uwsgi_option *option_find(const struct option_registry *reg, const char *name)
{
	return follow(reg, find_slot(reg, name));
}

const struct uwsgi_option *option_find_letter(const struct option_registry *reg, char letter)
{
	for (size_t i = 0; letter && i < reg->n; i++)
		if (reg->slots[i]->row.letter == letter)
			return follow(reg, reg->slots[i]);
	return NULL;
}

const struct uwsgi_option *option_at(const struct option_registry *reg, size_t i, const char **owner_r)
{
	if (i >= reg->n)
		return NULL;
	if (owner_r)
		*owner_r = reg->slots[i]->owner;
	return &reg->slots[i]->row;
}

enum uwsgi_opt_arg option_arg(const struct uwsgi_option *opt)
{
	if (opt->arg != UWSGI_ARG_AUTO)
		return (enum uwsgi_opt_arg)opt->arg;
	return opt->type == UWSGI_OPT_BOOL || opt->type == UWSGI_OPT_NOT ? UWSGI_ARG_NONE : UWSGI_ARG_REQUIRED;
}

bool option_is_true(const char *value)
{
	static const char *const no[] = { "false", "off", "no", "0" };
	for (size_t i = 0; value && i < sizeof no / sizeof *no; i++)
		if (!strcasecmp(value, no[i]))
			return false;
	return true;
}

bool words_have(const char *words, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = n ? words : NULL; at && (at = strstr(at, word)); at += n)
		if ((at == words || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
			return true;
	return false;
}

int strings_add(struct uwsgi_strings *list, const char *text)
{
	const char **v = realloc(list->v, (list->n + 1) * sizeof *v);
	if (!v)
		return -ENOMEM;
	list->v = v;
	char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	list->v[list->n++] = copy;
	return 0;
}

/* What follows a boolean word or the digits of a number is dropped, as ever; whoever wrote it should know. */
static void warn_rest(const char *where, const char *key, const char *value, const char *rest, const char *taken)
{
	if (rest[strspn(rest, " \t")])
		uwsgi_log("%s: %s: \"%s\" is read as %s, the rest is ignored\n", where, key, value, taken);
}

static void parse_bool(const char *where, const char *key, const char *value, bool *out, bool invert)
{
	static const char *const words[] = { "true", "false", "on", "off", "yes", "no" };
	*out = option_is_true(value) != invert;
	size_t len = value ? strcspn(value, " \t;#") : 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (len == strlen(words[i]) && !strncasecmp(value, words[i], len))
			warn_rest(where, key, value, value + len, "true");
}

/* Leading decimal digits, the rest ignored: "2x" is 2 and "" is 0.  A flag without a value counts as 1. */
static int parse_number(const char *where, const char *key, const char *value, int64_t min, int64_t max, int64_t *out_r)
{
	if (!value) {
		*out_r = 1;
		return 0;
	}
	char *end;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	if (number < min) {
		uwsgi_log("%s: %s = %s: the value must not be less than %lld\n", where, key, value, (long long)min);
		return -EINVAL;
	}
	if (errno == ERANGE || number > max) {
		uwsgi_log("%s: %s = %s: the value must not be greater than %lld\n", where, key, value, (long long)max);
		return -ERANGE;
	}
	char taken[32];
	snprintf(taken, sizeof taken, "%lld", number);
	warn_rest(where, key, value, end, taken);
	*out_r = number;
	return 0;
}

static int store_number(const struct uwsgi_option *opt, const char *where, const char *key, const char *value)
{
	static const struct {
		int64_t min, max, unit;
	} limits[] = {
		[UWSGI_OPT_INT] = { 0, INT_MAX, 1 },
		[UWSGI_OPT_SINT] = { INT_MIN, INT_MAX, 1 },
		[UWSGI_OPT_INT64] = { 0, INT64_MAX, 1 },
		[UWSGI_OPT_MB] = { 0, INT64_MAX >> 20, 1 << 20 },
	};
	int64_t number;
	int rc = parse_number(where, key, value, limits[opt->type].min, limits[opt->type].max, &number);
	if (rc)
		return rc;
	if (opt->type == UWSGI_OPT_INT || opt->type == UWSGI_OPT_SINT)
		*(int *)opt->value = (int)number;
	else
		*(int64_t *)opt->value = number * limits[opt->type].unit;
	return 0;
}

static int store_text(const struct uwsgi_option *opt, const char *value)
{
	if (opt->type == UWSGI_OPT_LIST)
		return strings_add(opt->value, value);
	/* The old text is not freed: somebody may have kept it, it is promised to be valid for ever. */
	char *copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	*(const char **)opt->value = copy;
	return 0;
}

static int store(const struct uwsgi_option *opt, const char *key, const char *value, const char *where)
{
	switch ((enum uwsgi_opt_type)opt->type) {
	case UWSGI_OPT_BOOL:
	case UWSGI_OPT_NOT:
		parse_bool(where, key, value, opt->value, opt->type == UWSGI_OPT_NOT);
		return 0;
	case UWSGI_OPT_INT:
	case UWSGI_OPT_SINT:
	case UWSGI_OPT_INT64:
	case UWSGI_OPT_MB:
		return store_number(opt, where, key, value);
	case UWSGI_OPT_STR:
	case UWSGI_OPT_LIST:
		return store_text(opt, value ? value : "");
	case UWSGI_OPT_CALL:
		return opt->apply(key, value ? value : "", opt->data);
	}
	return -EINVAL;
}

int option_number(const struct uwsgi_option *opt, int64_t *value_r)
{
	switch ((enum uwsgi_opt_type)opt->type) {
	case UWSGI_OPT_BOOL:
	case UWSGI_OPT_NOT:
		*value_r = *(const bool *)opt->value;
		return 0;
	case UWSGI_OPT_INT:
	case UWSGI_OPT_SINT:
		*value_r = *(const int *)opt->value;
		return 0;
	case UWSGI_OPT_INT64:
	case UWSGI_OPT_MB:
		*value_r = *(const int64_t *)opt->value;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Some options are no use without another: setting them sets it too. */
static void imply(struct option_registry *reg, const char *name)
{
	const struct uwsgi_option *opt = option_find(reg, name);
	if (opt && opt->type == UWSGI_OPT_BOOL)
		*(bool *)opt->value = true;
}

int option_apply(struct option_registry *reg, const struct uwsgi_option *opt, const char *key, const char *value,
		 const char *where)
{
	assert(!opt->alias_of);
	/* The row may move the registry's tables (a CALL that loads a plugin), not the row itself. */
	int rc = store(opt, key, value, where);
	if (rc)
		return rc;
	if (opt->flags & UWSGI_OPT_MASTER)
		imply(reg, "master");
	if (opt->flags & UWSGI_OPT_THREADS)
		imply(reg, "enable-threads");
	return 0;
}
