/* api.c - the table of functions any language may call: rows in, checked calls out.
 *
 * Signatures are read once, at registration.  A call fills in defaults, checks types and flags, and runs the row; it
 * allocates nothing unless the function returns something large. */
#include "api.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/log.h>

#include "signature.h"
#include "value.h"

struct api_registry {
	struct uwsgi_function **functions;
	size_t count;
	const struct uwsgi_api_const **consts;
	size_t const_count;
};

struct api_registry *api_registry_create(void)
{
	return calloc(1, sizeof(struct api_registry));
}

static void function_destroy(struct uwsgi_function *f)
{
	if (!f)
		return;
	free((void *)f->params);
	free(f);
}

void api_registry_destroy(struct api_registry **reg)
{
	if (!*reg)
		return;
	for (size_t i = 0; i < (*reg)->count; i++)
		function_destroy((*reg)->functions[i]);
	free((*reg)->functions);
	free((*reg)->consts);
	free(*reg);
	*reg = NULL;
}

/* ---- registration ---- */

const struct uwsgi_function *api_find(struct api_registry *reg, const char *name)
{
	for (size_t i = 0; i < reg->count; i++)
		if (!strcmp(reg->functions[i]->row->name, name))
			return reg->functions[i];
	return NULL;
}

static const struct uwsgi_api_const *find_const(struct api_registry *reg, const char *name)
{
	for (size_t i = 0; i < reg->const_count; i++)
		if (!strcmp(reg->consts[i]->name, name))
			return reg->consts[i];
	return NULL;
}

/* The slice moved from `from` to the same place of its copy, and ended there.  What follows it in a signature is a
 * blank, a colon or a quote, never needed again. */
static struct uwsgi_str ended_in_copy(struct uwsgi_str slice, const char *from, char *copy)
{
	char *p = copy + (slice.p - from);
	p[slice.n] = '\0';
	return (struct uwsgi_str){ p, slice.n };
}

/* Parameters and the text their names live in, in one block. */
static struct uwsgi_param *keep_params(const struct signature *s, const char *text)
{
	size_t size = s->count * sizeof(struct uwsgi_param);
	size_t text_size = strlen(text) + 1;
	struct uwsgi_param *params = malloc(size + text_size);
	if (!params)
		return NULL;
	char *copy = (char *)params + size;
	memcpy(copy, text, text_size);
	if (size)
		memcpy(params, s->params, size);
	for (unsigned i = 0; i < s->count; i++) {
		params[i].name = ended_in_copy(params[i].name, text, copy);
		if (value_is_text(&params[i].value))
			params[i].value.u.s = ended_in_copy(params[i].value.u.s, text, copy);
	}
	return params;
}

static struct uwsgi_function *function_create(const char *owner, const struct uwsgi_api_fn *row,
					      const struct signature *s)
{
	struct uwsgi_function *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	*f = (struct uwsgi_function){
		.row = row,
		.owner = owner,
		.count = s->count,
		.plain = s->plain,
		.required = s->required,
		.returns = (uint8_t)s->returns,
		.returns_none = s->returns_none,
		.params = keep_params(s, row->sig),
	};
	if (f->params)
		return f;
	free(f);
	return NULL;
}

static int register_row(struct api_registry *reg, const char *owner, const struct uwsgi_api_fn *row)
{
	if (!row->call || !row->sig || !row->doc) {
		uwsgi_log("%s: API function %s has no signature, sentence or code: refused\n", owner, row->name);
		return -EINVAL;
	}
	const struct uwsgi_function *other = api_find(reg, row->name);
	if (other || find_const(reg, row->name)) {
		uwsgi_log("%s: API function %s is already there (from %s): refused\n", owner, row->name,
			  other ? other->owner : "a constant");
		return -EEXIST;
	}
	struct signature s;
	char why[200];
	if (signature_parse(row->sig, &s, why, sizeof why) < 0) {
		uwsgi_log("%s: API function %s%s: %s: refused\n", owner, row->name, row->sig, why);
		return -EINVAL;
	}
	struct uwsgi_function *f = function_create(owner, row, &s);
	struct uwsgi_function **grown = reallocarray(reg->functions, reg->count + 1, sizeof *grown);
	if (grown)
		reg->functions = grown;
	if (!f || !grown) {
		function_destroy(f);
		return -ENOMEM;
	}
	reg->functions[reg->count++] = f;
	return 0;
}

int api_register(struct api_registry *reg, const char *owner, const struct uwsgi_api_fn *rows, size_t stride)
{
	for (const struct uwsgi_api_fn *row = rows; row && row->name;
	     row = (const void *)((const char *)row + stride)) {
		int rc = register_row(reg, owner, row);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int api_register_consts(struct api_registry *reg, const char *owner, const struct uwsgi_api_const *rows, size_t stride)
{
	for (const struct uwsgi_api_const *row = rows; row && row->name;
	     row = (const void *)((const char *)row + stride)) {
		if (find_const(reg, row->name) || api_find(reg, row->name)) {
			uwsgi_log("%s: API constant %s is already there: refused\n", owner, row->name);
			return -EEXIST;
		}
		const struct uwsgi_api_const **grown = reallocarray(reg->consts, reg->const_count + 1, sizeof *grown);
		if (!grown)
			return -ENOMEM;
		reg->consts = grown;
		reg->consts[reg->const_count++] = row;
	}
	return 0;
}

void api_each(struct api_registry *reg, void (*fn)(const struct uwsgi_api_fn *row, void *data), void *data)
{
	for (size_t i = 0; i < reg->count; i++)
		fn(reg->functions[i]->row, data);
}

void api_each_function(struct api_registry *reg, void (*fn)(const struct uwsgi_function *f, void *data), void *data)
{
	for (size_t i = 0; i < reg->count; i++)
		fn(reg->functions[i], data);
}

void api_each_const(struct api_registry *reg, void (*fn)(const struct uwsgi_api_const *row, void *data), void *data)
{
	for (size_t i = 0; i < reg->const_count; i++)
		fn(reg->consts[i], data);
}

/* ---- the call ---- */

/* Make `v` what a parameter of type `want` takes, as far as numbers go.  False: it does not fit. */
static bool adapt(struct uwsgi_value *v, enum uwsgi_type want)
{
	if (v->type == want || want == UWSGI_T_ANY)
		return true;
	switch (want) {
	case UWSGI_T_TEXT:
		return v->type == UWSGI_T_BYTES || v->type == UWSGI_T_STR;
	case UWSGI_T_VIEW:
		return v->type == UWSGI_T_BYTES;
	case UWSGI_T_INT:
		if (v->type != UWSGI_T_BOOL)
			return false;
		v->type = UWSGI_T_INT;
		return true;
	case UWSGI_T_BOOL:
		if (v->type != UWSGI_T_INT)
			return false;
		*v = (struct uwsgi_value){ .type = UWSGI_T_BOOL, .u.i = v->u.i != 0 };
		return true;
	case UWSGI_T_FLOAT:
		if (v->type != UWSGI_T_INT && v->type != UWSGI_T_BOOL)
			return false;
		*v = (struct uwsgi_value){ .type = UWSGI_T_FLOAT, .u.f = (double)v->u.i };
		return true;
	default:
		return false;
	}
}

/* The elements of a star all have the type of the parameter. */
static bool adapt_star(struct uwsgi_value *v, const struct uwsgi_param *param)
{
	if (v->type == UWSGI_T_NONE)
		return true;
	if (v->type != (param->star == UWSGI_STAR_REST ? UWSGI_T_LIST : UWSGI_T_MAP))
		return false;
	unsigned step = v->type == UWSGI_T_MAP ? 2 : 1;
	for (size_t i = 0; i < v->u.list.n; i++) {
		struct uwsgi_value *element = v->u.list.items[i * step + step - 1];
		if (element->type == UWSGI_T_NONE ? !param->nullable && param->type != UWSGI_T_ANY
						  : !adapt(element, param->type))
			return false;
	}
	return true;
}

static int check_argument(const struct uwsgi_function *f, unsigned i, struct uwsgi_value *v, struct uwsgi_call *c)
{
	const struct uwsgi_param *param = &f->params[i];
	if (v->flags & UWSGI_VALUE_DEFAULT) {
		if (!param->optional)
			return uwsgi_fail(c, UWSGI_ETYPE, "%s() is missing its argument '%s': %s%s", f->row->name,
					  param->name.p, f->row->name, f->row->sig);
		*v = param->value;
		v->flags |= UWSGI_VALUE_DEFAULT;
		return 0;
	}
	/* str is for names and paths: C would see the end of one at a NUL.  Data has the type bytes or text. */
	bool fits = param->star		      ? adapt_star(v, param)
		    : v->type == UWSGI_T_NONE ? param->nullable || param->type == UWSGI_T_ANY
					      : adapt(v, param->type);
	if (fits && param->type == UWSGI_T_STR && !param->star && v->type == UWSGI_T_STR &&
	    memchr(v->u.s.p, '\0', v->u.s.n))
		return uwsgi_fail(c, UWSGI_EVALUE, "%s() argument %u (%s): embedded null character", f->row->name,
				  i + 1, param->name.p);
	if (fits)
		return 0;
	return uwsgi_fail(c, UWSGI_ETYPE, "%s() argument %u (%s) must be %s, not %s", f->row->name, i + 1,
			  param->name.p, uwsgi_type_name(param->type), uwsgi_type_name(v->type));
}

/* The fast path: given, and just what was asked for. */
static bool needs_check(const struct uwsgi_value *v, const struct uwsgi_param *param)
{
	return v->flags || v->type != param->type || v->type == UWSGI_T_STR || param->star;
}

static int check_flags(const struct uwsgi_api_fn *row, const struct uwsgi_request *request, bool loading,
		       struct uwsgi_call *c)
{
	if ((row->flags & UWSGI_FN_REQUEST) && !request)
		return uwsgi_fail(c, UWSGI_ERUNTIME, "%s() can be called only while a request is running", row->name);
	if ((row->flags & UWSGI_FN_PREFORK) && !loading)
		return uwsgi_fail(c, UWSGI_ERUNTIME, "%s() can be called only while the application is being loaded",
				  row->name);
	return 0;
}

int api_call(const struct uwsgi_function *f, struct uwsgi_value *args, struct uwsgi_request *request, bool loading,
	     struct uwsgi_call *c)
{
	/* Not one initializer: the text buffer need not be zeroed. */
	c->args = args;
	c->count = f->count;
	c->error = 0;
	c->request = request;
	c->result = (struct uwsgi_value){ 0 };
	if (f->row->flags && check_flags(f->row, request, loading, c) < 0)
		return -1;
	for (unsigned i = 0; i < f->count; i++)
		if (needs_check(&args[i], &f->params[i]) && check_argument(f, i, &args[i], c) < 0)
			return -1;
	if (f->row->call(c) >= 0 && !c->error)
		return 0;
	uwsgi_value_clear(&c->result);
	if (!c->error)
		uwsgi_fail(c, UWSGI_ERUNTIME, "%s() failed", f->row->name);
	return -1;
}

int uwsgi_fail(struct uwsgi_call *c, enum uwsgi_error code, const char *fmt, ...)
{
	uwsgi_value_clear(&c->result); /* a short result shares its memory with the message */
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof c->text, fmt, ap);
	va_end(ap);
	c->error = code;
	return -1;
}

/* ---- arguments ---- */

struct uwsgi_request *uwsgi_call_request(struct uwsgi_call *c)
{
	return c->request;
}

unsigned uwsgi_arg_count(struct uwsgi_call *c)
{
	return c->count;
}

const struct uwsgi_value *uwsgi_arg(struct uwsgi_call *c, unsigned i)
{
	assert(i < c->count);
	return &c->args[i];
}

bool uwsgi_arg_given(struct uwsgi_call *c, unsigned i)
{
	const struct uwsgi_value *v = uwsgi_arg(c, i);
	return !(v->flags & UWSGI_VALUE_DEFAULT) && v->type != UWSGI_T_NONE;
}

int64_t uwsgi_arg_int(struct uwsgi_call *c, unsigned i)
{
	return uwsgi_value_int(uwsgi_arg(c, i));
}

double uwsgi_arg_float(struct uwsgi_call *c, unsigned i)
{
	return uwsgi_value_float(uwsgi_arg(c, i));
}

bool uwsgi_arg_bool(struct uwsgi_call *c, unsigned i)
{
	return uwsgi_value_int(uwsgi_arg(c, i)) != 0;
}

struct uwsgi_str uwsgi_arg_str(struct uwsgi_call *c, unsigned i)
{
	return uwsgi_value_str(uwsgi_arg(c, i));
}

struct uwsgi_fn *uwsgi_arg_fn(struct uwsgi_call *c, unsigned i)
{
	const struct uwsgi_value *v = uwsgi_arg(c, i);
	return v->type == UWSGI_T_FN ? v->u.fn : NULL;
}

/* ---- results ---- */

void uwsgi_ret_bool(struct uwsgi_call *c, bool v)
{
	uwsgi_value_clear(&c->result);
	c->result = (struct uwsgi_value){ .type = UWSGI_T_BOOL, .u.i = v };
}

void uwsgi_ret_int(struct uwsgi_call *c, int64_t v)
{
	uwsgi_value_clear(&c->result);
	c->result = (struct uwsgi_value){ .type = UWSGI_T_INT, .u.i = v };
}

void uwsgi_ret_float(struct uwsgi_call *c, double v)
{
	uwsgi_value_clear(&c->result);
	c->result = (struct uwsgi_value){ .type = UWSGI_T_FLOAT, .u.f = v };
}

static void ret_text(struct uwsgi_call *c, enum uwsgi_type type, const void *p, size_t n)
{
	uwsgi_value_clear(&c->result);
	if (n < sizeof c->text) {
		if (n)
			memmove(c->text, p, n);
		c->text[n] = '\0';
		c->result = (struct uwsgi_value){ .type = (uint8_t)type, .u.s = { c->text, n } };
	} else if (uwsgi_value_set_text(&c->result, type, p, n) < 0) {
		uwsgi_fail(c, UWSGI_ERUNTIME, "no memory for a result of %zu bytes", n);
	}
}

void uwsgi_ret_bytes(struct uwsgi_call *c, const void *p, size_t n)
{
	ret_text(c, UWSGI_T_BYTES, p, n);
}

void uwsgi_ret_str(struct uwsgi_call *c, const char *p, size_t n)
{
	ret_text(c, UWSGI_T_STR, p, n);
}

struct uwsgi_value *uwsgi_ret_list(struct uwsgi_call *c)
{
	uwsgi_value_set_list(&c->result);
	return &c->result;
}

struct uwsgi_value *uwsgi_ret_map(struct uwsgi_call *c)
{
	uwsgi_value_set_map(&c->result);
	return &c->result;
}
