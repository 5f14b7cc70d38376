/* signature.c - read the text of a Python stub: "(key: bytes, n: int = 0, *rest: text) -> bytes | None".
 *
 * A plain descent over the text, one function for each rule of the grammar.  Nothing is copied. */
#include "signature.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *text; /* its begin, for the position in messages */
	const char *p;
	char *error;
	size_t error_size;
};

static int refuse(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int refuse(struct reader *r, const char *fmt, ...)
{
	char why[120];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	snprintf(r->error, r->error_size, "column %d: %s", (int)(r->p - r->text) + 1, why);
	return -EINVAL;
}

static void skip_blanks(struct reader *r)
{
	while (*r->p == ' ')
		r->p++;
}

/* Step over `token` when it is next. */
static bool take(struct reader *r, const char *token)
{
	skip_blanks(r);
	size_t n = strlen(token);
	if (strncmp(r->p, token, n) != 0)
		return false;
	r->p += n;
	return true;
}

static struct uwsgi_str take_word(struct reader *r)
{
	skip_blanks(r);
	const char *begin = r->p;
	while (isalnum((unsigned char)*r->p) || *r->p == '_')
		r->p++;
	return (struct uwsgi_str){ begin, (size_t)(r->p - begin) };
}

static bool word_is(struct uwsgi_str word, const char *name)
{
	return word.n == strlen(name) && memcmp(word.p, name, word.n) == 0;
}

/* TYPE, or TYPE | None. */
static int read_type(struct reader *r, enum uwsgi_type *type_r, bool *none_r)
{
	struct uwsgi_str word = take_word(r);
	unsigned type = 0;
	while (type <= UWSGI_T_ANY && !word_is(word, uwsgi_type_name(type)))
		type++;
	if (type > UWSGI_T_ANY)
		return refuse(r, "'%.*s' is no type", (int)(word.n < 32 ? word.n : 32), word.p);
	*type_r = type;
	*none_r = false;
	if (!take(r, "|"))
		return 0;
	if (!word_is(take_word(r), "None"))
		return refuse(r, "only None may follow '|'");
	*none_r = true;
	return 0;
}

static int read_string(struct reader *r, struct uwsgi_param *param)
{
	char quote = *r->p++;
	const char *end = strchr(r->p, quote);
	if (!end)
		return refuse(r, "the string is not closed");
	bool bytes = param->type == UWSGI_T_BYTES;
	param->value.type = bytes ? UWSGI_T_BYTES : UWSGI_T_STR;
	param->value.u.s = (struct uwsgi_str){ r->p, (size_t)(end - r->p) };
	r->p = end + 1;
	return 0;
}

static int read_integer(struct reader *r, struct uwsgi_param *param)
{
	char *end;
	errno = 0;
	long long number = strtoll(r->p, &end, 10);
	if (errno || end == r->p)
		return refuse(r, "the default must be None, True, False, an integer or a quoted string");
	r->p = end;
	if (param->type == UWSGI_T_FLOAT)
		param->value = (struct uwsgi_value){ .type = UWSGI_T_FLOAT, .u.f = (double)number };
	else
		param->value = (struct uwsgi_value){ .type = UWSGI_T_INT, .u.i = number };
	return 0;
}

/* May a parameter of `type` have a default of type `value`? */
static bool default_fits(enum uwsgi_type type, enum uwsgi_type value)
{
	if (value == UWSGI_T_NONE || type == UWSGI_T_ANY || type == value)
		return true;
	return type == UWSGI_T_TEXT && (value == UWSGI_T_STR || value == UWSGI_T_BYTES);
}

static int read_default(struct reader *r, struct uwsgi_param *param)
{
	skip_blanks(r);
	int rc = 0;
	if (*r->p == '\'' || *r->p == '"') {
		rc = read_string(r, param);
	} else if (isalpha((unsigned char)*r->p)) {
		struct uwsgi_str word = take_word(r);
		if (word_is(word, "None"))
			param->nullable = true;
		else if (word_is(word, "True") || word_is(word, "False"))
			param->value = (struct uwsgi_value){ .type = UWSGI_T_BOOL, .u.i = word.n == 4 };
		else
			return refuse(r, "the default must be None, True, False, an integer or a quoted string");
	} else {
		rc = read_integer(r, param);
	}
	if (rc < 0)
		return rc;
	if (!default_fits(param->type, param->value.type))
		return refuse(r, "the default of '%.*s' is no %s", (int)param->name.n, param->name.p,
			      uwsgi_type_name(param->type));
	param->optional = true;
	return 0;
}

static bool name_is_taken(const struct signature *s, struct uwsgi_str name)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->params[i].name.n == name.n && !memcmp(s->params[i].name.p, name.p, name.n))
			return true;
	return false;
}

/* [*|**] NAME : TYPE [= DEFAULT] */
static int read_param(struct reader *r, struct signature *s)
{
	if (s->count == UWSGI_PARAMS_MAX)
		return refuse(r, "more than %d parameters", UWSGI_PARAMS_MAX);
	struct uwsgi_param param = { 0 };
	param.star = take(r, "**") ? UWSGI_STAR_KEYWORDS : take(r, "*") ? UWSGI_STAR_REST : UWSGI_STAR_NONE;
	unsigned last_star = s->count ? s->params[s->count - 1].star : UWSGI_STAR_NONE;
	if (last_star && param.star <= last_star)
		return refuse(r, "nothing but **keywords may follow a *list");
	param.name = take_word(r);
	if (!param.name.n || param.name.n > 32 || isdigit((unsigned char)param.name.p[0]))
		return refuse(r, "a parameter name is missing or too long");
	if (name_is_taken(s, param.name))
		return refuse(r, "'%.*s' is named twice", (int)param.name.n, param.name.p);
	if (!take(r, ":"))
		return refuse(r, "':' is missing after '%.*s'", (int)param.name.n, param.name.p);
	enum uwsgi_type type;
	int rc = read_type(r, &type, &param.nullable);
	if (rc < 0)
		return rc;
	param.type = type;
	param.optional = param.star != UWSGI_STAR_NONE;
	if (take(r, "=") && (rc = param.star ? refuse(r, "a star has no default") : read_default(r, &param)) < 0)
		return rc;
	if (!param.optional && s->required < s->count)
		return refuse(r, "'%.*s' needs a default, as the one before it", (int)param.name.n, param.name.p);
	s->required += !param.optional;
	s->plain += !param.star;
	s->params[s->count++] = param;
	return 0;
}

int signature_parse(const char *text, struct signature *s, char *error_r, size_t error_size)
{
	struct reader r = { .text = text, .p = text, .error = error_r, .error_size = error_size };
	*s = (struct signature){ 0 };
	if (!take(&r, "("))
		return refuse(&r, "a signature begins with '('");
	if (!take(&r, ")")) {
		do {
			int rc = read_param(&r, s);
			if (rc < 0)
				return rc;
		} while (take(&r, ","));
		if (!take(&r, ")"))
			return refuse(&r, "',' or ')' expected");
	}
	if (!take(&r, "->"))
		return refuse(&r, "'->' and the type of the result expected");
	int rc = read_type(&r, &s->returns, &s->returns_none);
	if (rc < 0)
		return rc;
	skip_blanks(&r);
	return *r.p ? refuse(&r, "nothing may follow the type of the result") : 0;
}
