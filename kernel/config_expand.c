/* config_expand.c - what $( ), @( ) and %( ) in a value stand for.
 *
 * Each language is a function from the text between the parentheses to its replacement; walking the text is shared. */
#include "config_expand.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_text.h"

enum { MAX_ROUNDS = 32, MAX_SIZE = 1 << 20 };

struct expansion {
	char mark;
	/* The replacement, the caller's; NULL leaves the text as it is. */
	char *(*replace)(struct expansion *x, const char *inner);
	expand_lookup *lookup;
	void *ctx;
	char *error;
	size_t error_size;
	int replaced;
};

/* The parenthesis that closes the one at `open`; NULL when it is missing. */
static const char *closing(const char *open)
{
	int depth = 0;
	for (const char *at = open; *at; at++) {
		if (*at == '(')
			depth++;
		else if (*at == ')' && --depth == 0)
			return at;
	}
	return NULL;
}

/* One round over the text. */
static char *walk(struct expansion *x, const char *text)
{
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);
	if (!out)
		return NULL;
	for (const char *end; *text; text++) {
		end = text[0] == x->mark && text[1] == '(' ? closing(text + 1) : NULL;
		char *inner = end ? strndup(text + 2, (size_t)(end - text - 2)) : NULL;
		char *by = inner ? x->replace(x, inner) : NULL;
		if (by) {
			fputs(by, out);
			text = end;
			x->replaced++;
		} else {
			fputc(*text, out);
		}
		free(inner);
		free(by);
	}
	return fclose(out) ? (free(result), NULL) : result;
}

static char *replace_environment(struct expansion *x, const char *inner)
{
	(void)x;
	size_t len = strcspn(inner, ":-");
	const char *other = inner[len] == ':' && inner[len + 1] == '-' ? inner + len + 2
			    : inner[len] == '-'			       ? inner + len + 1
								       : NULL;
	char *name = strndup(inner, other ? len : strlen(inner));
	const char *value = name ? getenv(name) : NULL;
	free(name);
	if (other && (!value || (inner[len] == ':' && !*value)))
		value = other;
	return value ? strdup(value) : NULL;
}

char *expand_environment(const char *text)
{
	struct expansion x = { .mark = '$', .replace = replace_environment };
	return walk(&x, text);
}

static char *replace_resource(struct expansion *x, const char *inner)
{
	char reason[128], *text;
	size_t len;
	if (resource_read(inner, &text, &len, reason, sizeof reason)) {
		snprintf(x->error, x->error_size, "cannot read @(%s): %s", inner, reason);
		return NULL;
	}
	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return text;
}

char *expand_resources(const char *text, char *error_r, size_t error_size)
{
	*error_r = '\0';
	struct expansion x = { '@', replace_resource, .error = error_r, .error_size = error_size };
	char *result = walk(&x, text);
	if (!*error_r)
		return result;
	free(result);
	return NULL;
}

/* ---- %( ) ---- */

static long compute(long a, char op, long b)
{
	long result = 0;
	switch (op) {
	case '+':
		return __builtin_add_overflow(a, b, &result) ? 0 : result;
	case '-':
		return __builtin_sub_overflow(a, b, &result) ? 0 : result;
	case '*':
		return __builtin_mul_overflow(a, b, &result) ? 0 : result;
	}
	return b == 0 || (a == LONG_MIN && b == -1) ? 0 : a / b;
}

/* "++" or "--" at the end of a token: +1, -1, or 0; the token is cut. */
static long step_of(char *token)
{
	size_t len = strlen(token);
	if (len < 2 || (strcmp(token + len - 2, "++") && strcmp(token + len - 2, "--")))
		return 0;
	long step = token[len - 1] == '+' ? 1 : -1;
	token[len - 2] = '\0';
	return step;
}

static char *join(char *left, const char *right)
{
	char *both = NULL;
	if (asprintf(&both, "%s%s", left, right) == -1)
		both = NULL;
	free(left);
	return both;
}

static char *number(char *old, long n)
{
	free(old);
	char *text = NULL;
	return asprintf(&text, "%ld", n) == -1 ? NULL : text;
}

/* Tokens between blanks, from left to right: an operator joins its neighbours as numbers, nothing joins them as text.
 */
static char *evaluate(struct expansion *x, char *text, int *known_r)
{
	char op = '\0', *result = strdup("");
	for (char *token; result && (token = strsep(&text, " \t"));) {
		if (!*token)
			continue;
		if (strlen(token) == 1 && strchr("+-*/", *token)) {
			op = *token;
			++*known_r;
			continue;
		}
		long step = step_of(token);
		const char *value = *token ? x->lookup(x->ctx, token) : NULL;
		*known_r += value || step;
		if (!value)
			value = token;
		if (op)
			result = number(result, compute(atol(result), op, atol(value)));
		else
			result = join(result, value);
		if (step && result)
			result = number(result, compute(atol(result), '+', step));
		op = '\0';
	}
	return result;
}

/* Innermost parentheses first, so that "(2 * 3) + 1" is what it looks like. */
static char *reduce(struct expansion *x, char *text)
{
	for (;;) {
		char *close = strchr(text, ')');
		char *open = close ? memrchr(text, '(', (size_t)(close - text)) : NULL;
		if (!open)
			return text;
		*open = *close = '\0';
		int known = 0;
		char *inner = evaluate(x, open + 1, &known), *whole = NULL;
		if (!inner || asprintf(&whole, "%s%s%s", text, inner, close + 1) == -1)
			whole = NULL;
		free(inner);
		free(text);
		if (!whole)
			return NULL;
		text = whole;
	}
}

static char *replace_placeholder(struct expansion *x, const char *inner)
{
	char *text = strdup(inner);
	if (text && strchr(text, '('))
		text = reduce(x, text);
	if (!text)
		return NULL;
	int known = inner[0] == '(';
	char *result = evaluate(x, text, &known);
	free(text);
	if (known)
		return result;
	free(result);
	return NULL;
}

char *expand_placeholders(const char *text, expand_lookup *lookup, void *ctx, char *error_r, size_t error_size)
{
	*error_r = '\0';
	char *now = strdup(text);
	for (int round = 0; now && round < MAX_ROUNDS && strlen(now) < MAX_SIZE; round++) {
		struct expansion x = { '%', replace_placeholder, lookup, ctx };
		char *next = walk(&x, now);
		free(now);
		now = next;
		if (!x.replaced)
			return now;
	}
	if (now)
		snprintf(error_r, error_size, "\"%s\" contains itself", text);
	free(now);
	return NULL;
}
