/* py_api.c - every API row as a function of the module `uwsgi`.
 *
 * One C function serves all rows: its `self` says which.  Arguments are placed in an array on the stack, the kernel
 * checks them, the row runs.  Nothing here knows what any of the functions does. */
#include "py.h"

/* The `self` of a bound function. */
struct binding {
	PyObject_HEAD const struct uwsgi_function *function;
	PyMethodDef method;
	int rest, keywords; /* positions of the stars, or -1 */
	PyObject *names[];  /* of the parameters, interned */
};

static PyTypeObject binding_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "uwsgi.function",
	.tp_basicsize = sizeof(struct binding),
	.tp_itemsize = sizeof(PyObject *),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.tp_doc = "What a function of the server's API is bound to.",
};

/* ---- one call ---- */

struct arguments {
	struct uwsgi_value v[UWSGI_PARAMS_MAX];
	struct py_loans loans;
};

static PyObject *raise_error(const struct uwsgi_call *call)
{
	PyObject *exception;
	switch (call->error) {
	case UWSGI_EVALUE:
		exception = PyExc_ValueError;
		break;
	case UWSGI_ETYPE:
		exception = PyExc_TypeError;
		break;
	case UWSGI_EOS:
		exception = PyExc_OSError;
		break;
	case UWSGI_ENOTIMPL:
		exception = PyExc_NotImplementedError;
		break;
	default:
		exception = PyExc_RuntimeError;
	}
	PyErr_SetString(exception, call->text);
	return NULL;
}

static int place(struct arguments *a, const struct binding *self, unsigned i, PyObject *o)
{
	if (!(a->v[i].flags & UWSGI_VALUE_DEFAULT)) {
		PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", self->function->row->name,
			     self->names[i]);
		return -1;
	}
	return py_value_of(o, self->function->params[i].type, &a->v[i], &a->loans);
}

/* Append to the star at `i`, which is made when it gets its first element. */
static int place_spare(struct arguments *a, int i, PyObject *key, PyObject *o)
{
	struct uwsgi_value *star = &a->v[i], name = { 0 }, element = { 0 };
	if (star->flags & UWSGI_VALUE_DEFAULT) {
		*star = (struct uwsgi_value){ 0 };
		if (key)
			uwsgi_value_set_map(star);
		else
			uwsgi_value_set_list(star);
	}
	if ((key && py_value_of(key, UWSGI_T_STR, &name, NULL) < 0) || py_value_of(o, UWSGI_T_ANY, &element, NULL) < 0)
		return -1;
	struct uwsgi_value *slot = uwsgi_value_add(star, key ? &name : NULL);
	if (slot)
		*slot = element; /* text stays borrowed: the caller's objects outlive the call */
	return slot ? 0 : -1;
}

static int place_keyword(struct arguments *a, const struct binding *self, PyObject *key, PyObject *o)
{
	const struct uwsgi_function *f = self->function;
	for (unsigned i = 0; i < f->plain; i++)
		if (self->names[i] == key || PyUnicode_Compare(self->names[i], key) == 0)
			return place(a, self, i, o);
	if (self->keywords >= 0)
		return place_spare(a, self->keywords, key, o);
	PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", f->row->name, key);
	return -1;
}

static int place_all(struct arguments *a, const struct binding *self, PyObject *const *args, Py_ssize_t n,
		     PyObject *keywords)
{
	const struct uwsgi_function *f = self->function;
	if (n > f->plain && self->rest < 0) {
		PyErr_Format(PyExc_TypeError, "%s() takes at most %u argument%s (%zd given)", f->row->name, f->plain,
			     f->plain == 1 ? "" : "s", n);
		return -1;
	}
	for (Py_ssize_t i = 0; i < n; i++) {
		int rc =
			i < f->plain ? place(a, self, (unsigned)i, args[i]) : place_spare(a, self->rest, NULL, args[i]);
		if (rc < 0)
			return rc;
	}
	for (Py_ssize_t k = 0; keywords && k < PyTuple_GET_SIZE(keywords); k++)
		if (place_keyword(a, self, PyTuple_GET_ITEM(keywords, k), args[n + k]) < 0)
			return -1;
	return 0;
}

/* Free what converting had to make: containers and handles on callables. */
static void clear_arguments(struct arguments *a, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (a->v[i].type == UWSGI_T_FN)
			a->v[i].u.fn->release(a->v[i].u.fn);
		else if (a->v[i].type == UWSGI_T_LIST || a->v[i].type == UWSGI_T_MAP)
			uwsgi_value_clear(&a->v[i]);
	}
	py_loans_return(&a->loans);
}

static PyObject *invoke(const struct uwsgi_function *f, struct arguments *a)
{
	struct uwsgi_call call;
	int rc;
	if (f->row->flags & UWSGI_FN_BLOCKS) {
		Py_BEGIN_ALLOW_THREADS;
		rc = uwsgi_api_invoke(f, a->v, &call);
		Py_END_ALLOW_THREADS;
	} else {
		rc = uwsgi_api_invoke(f, a->v, &call);
	}
	if (rc < 0)
		return raise_error(&call);
	PyObject *result = py_object_of(&call.result, f->row->flags & UWSGI_FN_TUPLE);
	if (call.result.flags || call.result.type == UWSGI_T_LIST || call.result.type == UWSGI_T_MAP)
		uwsgi_value_clear(&call.result);
	return result;
}

static PyObject *bound_call(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *keywords)
{
	const struct binding *b = (const struct binding *)self;
	struct arguments a;
	for (unsigned i = 0; i < b->function->count; i++)
		a.v[i] = (struct uwsgi_value){ .flags = UWSGI_VALUE_DEFAULT };
	a.loans.view.obj = NULL;
	a.loans.objects = NULL;
	PyObject *result = NULL;
	if (place_all(&a, b, args, n, keywords) == 0)
		result = invoke(b->function, &a);
	clear_arguments(&a, b->function->count);
	return result;
}

/* ---- binding ---- */

static void write_default(FILE *out, const struct uwsgi_value *v)
{
	switch (v->type) {
	case UWSGI_T_BOOL:
		fputs(v->u.i ? "=True" : "=False", out);
		break;
	case UWSGI_T_INT:
		fprintf(out, "=%lld", (long long)v->u.i);
		break;
	case UWSGI_T_STR:
	case UWSGI_T_BYTES:
		fprintf(out, "=%s'%s'", v->type == UWSGI_T_BYTES ? "b" : "", v->u.s.p);
		break;
	default:
		fputs("=None", out);
	}
}

/* The docstring in the form from which inspect.signature reads the parameters.  Kept for ever. */
static char *docstring(const struct uwsgi_function *f)
{
	static const char *const star[] = { "", "*", "**" };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fprintf(out, "%s($self", f->row->name);
	for (unsigned i = 0; i < f->count; i++) {
		fprintf(out, ", %s%s", star[f->params[i].star], f->params[i].name.p);
		if (f->params[i].optional && !f->params[i].star)
			write_default(out, &f->params[i].value);
	}
	fprintf(out, ")\n--\n\n%s\n\n%s%s", f->row->doc, f->row->name, f->row->sig);
	fclose(out);
	return text;
}

static struct binding *binding_new(const struct uwsgi_function *f)
{
	struct binding *b = PyObject_NewVar(struct binding, &binding_type, f->count);
	if (!b)
		return NULL;
	b->function = f;
	b->rest = b->keywords = -1;
	for (unsigned i = 0; i < f->count; i++) {
		b->names[i] = PyUnicode_InternFromString(f->params[i].name.p);
		if (f->params[i].star == UWSGI_STAR_REST)
			b->rest = (int)i;
		if (f->params[i].star == UWSGI_STAR_KEYWORDS)
			b->keywords = (int)i;
	}
	b->method = (PyMethodDef){ f->row->name, (PyCFunction)(void (*)(void))bound_call, METH_FASTCALL | METH_KEYWORDS,
				   docstring(f) };
	return b;
}

static void bind_function(const struct uwsgi_function *f, void *data)
{
	PyObject *module = data;
	if (PyErr_Occurred())
		return;
	struct binding *b = binding_new(f);
	PyObject *name = PyModule_GetNameObject(module);
	PyObject *function = b && name ? PyCFunction_NewEx(&b->method, (PyObject *)b, name) : NULL;
	if (function && f->row->flags & UWSGI_FN_VALUE)
		Py_SETREF(function, PyObject_CallNoArgs(function));
	if (function)
		PyModule_AddObjectRef(module, f->row->name, function);
	Py_XDECREF(function);
	Py_XDECREF(name);
	Py_XDECREF(b);
}

static void bind_const(const struct uwsgi_api_const *c, void *data)
{
	PyObject *value = c->text ? PyBytes_FromString(c->text) : PyLong_FromLongLong(c->number);
	if (value)
		PyModule_AddObjectRef(data, c->name, value);
	Py_XDECREF(value);
}

int py_api_bind(PyObject *module)
{
	if (PyType_Ready(&binding_type) < 0)
		return -1;
	uwsgi_api_each_function(bind_function, module);
	uwsgi_api_each_const(bind_const, module);
	return PyErr_Occurred() ? -1 : 0;
}
