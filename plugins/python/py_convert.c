/* py_convert.c - between neutral values and Python objects.
 *
 * Arguments are borrowed where Python lets one look inside (bytes, str, numbers); containers are copied, but for what
 * is large in them. */
#include "py.h"

#include <stdatomic.h>
#include <stdlib.h>

#define LOAN_MIN 16384 /* bytes of an element that is not copied */

/* ---- Python to neutral ---- */

void py_loans_return(struct py_loans *loans)
{
	if (loans->view.obj)
		PyBuffer_Release(&loans->view);
	Py_CLEAR(loans->objects);
}

static int lend(struct py_loans *loans, PyObject *o)
{
	if (!loans->objects)
		loans->objects = PyList_New(0);
	return loans->objects ? PyList_Append(loans->objects, o) : -1;
}

static int from_int(PyObject *o, struct uwsgi_value *v)
{
	int overflow;
	long long number = PyLong_AsLongLongAndOverflow(o, &overflow);
	if (overflow) {
		PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to a signed 64-bit integer");
		return -1;
	}
	if (number == -1 && PyErr_Occurred())
		return -1;
	*v = (struct uwsgi_value){ .type = UWSGI_T_INT, .u.i = number };
	return 0;
}

static int from_str(PyObject *o, struct uwsgi_value *v)
{
	Py_ssize_t n;
	const char *p = PyUnicode_AsUTF8AndSize(o, &n);
	if (!p)
		return -1;
	*v = (struct uwsgi_value){ .type = UWSGI_T_STR, .u.s = { p, (size_t)n } };
	return 0;
}

/* An element of a container, which owns what it holds and is not lent. */
static int copy_into(struct uwsgi_value *to, const struct uwsgi_value *key, PyObject *o, struct py_loans *loans)
{
	struct uwsgi_value *element = uwsgi_value_add(to, key);
	struct uwsgi_value v = { 0 };
	if (!element) {
		PyErr_NoMemory();
		return -1;
	}
	if (py_value_of(o, UWSGI_T_ANY, &v, loans) < 0)
		return -1;
	bool text = v.type == UWSGI_T_BYTES || v.type == UWSGI_T_STR, lent = text && loans && v.u.s.n >= LOAN_MIN;
	if (lent && lend(loans, o) < 0)
		return -1;
	if (!text || lent) {
		*element = v;
		return 0;
	}
	if (uwsgi_value_set_text(element, v.type, v.u.s.p, v.u.s.n) == 0)
		return 0;
	PyErr_NoMemory();
	return -1;
}

static int from_sequence(PyObject *o, struct uwsgi_value *v, struct py_loans *loans)
{
	*v = (struct uwsgi_value){ 0 };
	uwsgi_value_set_list(v);
	for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); i++)
		if (copy_into(v, NULL, PySequence_Fast_GET_ITEM(o, i), loans) < 0) {
			uwsgi_value_clear(v);
			return -1;
		}
	return 0;
}

static int key_of(PyObject *o, struct uwsgi_value *key)
{
	if (PyUnicode_Check(o))
		return from_str(o, key);
	if (!PyBytes_Check(o)) {
		PyErr_Format(PyExc_TypeError, "keys must be str or bytes, not %.80s", Py_TYPE(o)->tp_name);
		return -1;
	}
	*key = (struct uwsgi_value){ .type = UWSGI_T_BYTES,
				     .u.s = { PyBytes_AS_STRING(o), (size_t)PyBytes_GET_SIZE(o) } };
	return 0;
}

static int from_dict(PyObject *o, struct uwsgi_value *v, struct py_loans *loans)
{
	*v = (struct uwsgi_value){ 0 };
	uwsgi_value_set_map(v);
	PyObject *key, *value;
	Py_ssize_t at = 0;
	struct uwsgi_value name;
	while (PyDict_Next(o, &at, &key, &value))
		if (key_of(key, &name) < 0 || copy_into(v, &name, value, loans) < 0) {
			uwsgi_value_clear(v);
			return -1;
		}
	return 0;
}

static int from_callable(PyObject *o, struct uwsgi_value *v)
{
	struct uwsgi_fn *fn = py_fn_new(o);
	if (!fn) {
		PyErr_NoMemory();
		return -1;
	}
	*v = (struct uwsgi_value){ .type = UWSGI_T_FN, .u.fn = fn };
	return 0;
}

static int from_view(PyObject *o, struct uwsgi_value *v, Py_buffer *view)
{
	if (PyObject_GetBuffer(o, view, PyBUF_SIMPLE) < 0)
		return -1;
	*v = (struct uwsgi_value){ .type = UWSGI_T_VIEW, .u.s = { view->buf, (size_t)view->len } };
	return 0;
}

int py_value_of(PyObject *o, enum uwsgi_type want, struct uwsgi_value *v, struct py_loans *loans)
{
	if (PyUnicode_Check(o))
		return from_str(o, v);
	if (PyBytes_Check(o)) {
		*v = (struct uwsgi_value){ .type = UWSGI_T_BYTES,
					   .u.s = { PyBytes_AS_STRING(o), (size_t)PyBytes_GET_SIZE(o) } };
		return 0;
	}
	if (PyBool_Check(o)) {
		*v = (struct uwsgi_value){ .type = UWSGI_T_BOOL, .u.i = o == Py_True };
		return 0;
	}
	if (PyLong_Check(o))
		return from_int(o, v);
	if (o == Py_None) {
		*v = (struct uwsgi_value){ 0 };
		return 0;
	}
	if (want == UWSGI_T_BOOL) { /* any object has a truth */
		int truth = PyObject_IsTrue(o);
		*v = (struct uwsgi_value){ .type = UWSGI_T_BOOL, .u.i = truth > 0 };
		return truth < 0 ? -1 : 0;
	}
	if (PyFloat_Check(o)) {
		*v = (struct uwsgi_value){ .type = UWSGI_T_FLOAT, .u.f = PyFloat_AS_DOUBLE(o) };
		return 0;
	}
	if (PyList_Check(o) || PyTuple_Check(o))
		return from_sequence(o, v, loans);
	if (PyDict_Check(o))
		return from_dict(o, v, loans);
	if (want == UWSGI_T_VIEW && loans && PyObject_CheckBuffer(o))
		return from_view(o, v, &loans->view);
	if (PyCallable_Check(o) && (want == UWSGI_T_FN || want == UWSGI_T_ANY))
		return from_callable(o, v);
	if (PyIndex_Check(o)) {
		PyObject *number = PyNumber_Index(o);
		int rc = number ? from_int(number, v) : -1;
		Py_XDECREF(number);
		return rc;
	}
	PyErr_Format(PyExc_TypeError, "%s expected, not %.80s",
		     want == UWSGI_T_ANY ? "None, bool, int, float, str, bytes, list or dict" : uwsgi_type_name(want),
		     Py_TYPE(o)->tp_name);
	return -1;
}

/* ---- neutral to Python ---- */

static PyObject *list_of(const struct uwsgi_value *v, bool tuples)
{
	Py_ssize_t n = (Py_ssize_t)uwsgi_value_len(v);
	PyObject *list = tuples ? PyTuple_New(n) : PyList_New(n);
	for (Py_ssize_t i = 0; list && i < n; i++) {
		PyObject *element = py_object_of(uwsgi_value_at(v, (size_t)i), tuples);
		if (!element)
			Py_CLEAR(list);
		else if (tuples)
			PyTuple_SET_ITEM(list, i, element);
		else
			PyList_SET_ITEM(list, i, element);
	}
	return list;
}

static PyObject *dict_of(const struct uwsgi_value *v, bool tuples)
{
	PyObject *dict = PyDict_New();
	for (size_t i = 0; dict && i < uwsgi_value_len(v); i++) {
		PyObject *key = py_object_of(uwsgi_value_key_at(v, i), tuples);
		PyObject *value = py_object_of(uwsgi_value_at(v, i), tuples);
		if (!key || !value || PyDict_SetItem(dict, key, value) < 0)
			Py_CLEAR(dict);
		Py_XDECREF(key);
		Py_XDECREF(value);
	}
	return dict;
}

PyObject *py_object_of(const struct uwsgi_value *v, bool tuples)
{
	switch (v->type) {
	case UWSGI_T_BOOL:
		return PyBool_FromLong((long)v->u.i);
	case UWSGI_T_INT:
		return PyLong_FromLongLong(v->u.i);
	case UWSGI_T_FLOAT:
		return PyFloat_FromDouble(v->u.f);
	case UWSGI_T_BYTES:
	case UWSGI_T_VIEW:
		return PyBytes_FromStringAndSize(v->u.s.p, (Py_ssize_t)v->u.s.n);
	case UWSGI_T_STR:
		return PyUnicode_DecodeUTF8(v->u.s.p, (Py_ssize_t)v->u.s.n, "surrogateescape");
	case UWSGI_T_LIST:
		return list_of(v, tuples);
	case UWSGI_T_MAP:
		return dict_of(v, tuples);
	default:
		Py_RETURN_NONE;
	}
}

/* ---- callables ---- */

struct py_fn {
	struct uwsgi_fn fn; /* first: what the others hold */
	PyObject *callable;
	atomic_int references;
};

static PyObject *call_with(struct py_fn *self, const struct uwsgi_value *args)
{
	PyObject *tuple = args ? list_of(args, true) : PyTuple_New(0);
	PyObject *result = tuple ? PyObject_CallObject(self->callable, tuple) : NULL;
	Py_XDECREF(tuple);
	return result;
}

static struct uwsgi_value *keep_result(PyObject *result)
{
	/* A list of one owns its text; its only element is then the result. */
	struct uwsgi_value *list = uwsgi_value_new_list();
	if (!list || copy_into(list, NULL, result, NULL) < 0) {
		uwsgi_value_free(list);
		return NULL;
	}
	struct uwsgi_value *only = list->u.list.items[0];
	list->u.list.n = 0;
	uwsgi_value_free(list);
	return only;
}

static int fn_call(struct uwsgi_fn *fn, const struct uwsgi_value *args, struct uwsgi_value **result_r)
{
	PyGILState_STATE gil = PyGILState_Ensure();
	PyObject *result = call_with((struct py_fn *)fn, args);
	py_child_end(result ? 0 : 1);
	struct uwsgi_value *value = result && result_r ? keep_result(result) : NULL;
	bool failed = !result || (result_r && !value);
	if (failed)
		py_print_exception();
	else if (result_r)
		*result_r = value;
	Py_XDECREF(result);
	PyGILState_Release(gil);
	return failed ? -1 : 0;
}

static void fn_retain(struct uwsgi_fn *fn)
{
	atomic_fetch_add(&((struct py_fn *)fn)->references, 1);
}

static void fn_release(struct uwsgi_fn *fn)
{
	struct py_fn *self = (struct py_fn *)fn;
	if (atomic_fetch_sub(&self->references, 1) != 1)
		return;
	PyGILState_STATE gil = PyGILState_Ensure();
	Py_DECREF(self->callable);
	PyGILState_Release(gil);
	free(self);
}

struct uwsgi_fn *py_fn_new(PyObject *callable)
{
	struct py_fn *self = malloc(sizeof *self);
	if (!self)
		return NULL;
	*self = (struct py_fn){ { fn_call, fn_retain, fn_release }, Py_NewRef(callable), 1 };
	return &self->fn;
}
