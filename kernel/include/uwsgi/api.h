/* uwsgi/api.h - functions that any language may call: one row each, bound to none by hand.
 *
 *     { "cache_get", "(key: bytes, cache: str = None) -> bytes | None", "Value stored under key, or None.", cache_get,
 * 0 }
 *
 * The signature is the text of a Python stub.  Types: None bool int float bytes str text (bytes or str) list map fn
 * view any.  A parameter with "= value" is optional (None, True, False, an integer, or a quoted string); "*name: type"
 * takes the rest of the positional arguments as a list, "**name: type" the rest of the keywords as a map.
 *
 * Arguments are checked against the signature before the function runs and are borrowed for the call; what is returned
 * is copied. */
#ifndef UWSGI_API_H
#define UWSGI_API_H

#include <uwsgi/base.h>

UWSGI_BEGIN_DECLS

struct uwsgi_call;
struct uwsgi_fn;
struct uwsgi_request;
struct uwsgi_value;

enum uwsgi_type {
	UWSGI_T_NONE = 0,
	UWSGI_T_BOOL,
	UWSGI_T_INT,
	UWSGI_T_FLOAT,
	UWSGI_T_BYTES,
	UWSGI_T_STR,
	UWSGI_T_LIST,
	UWSGI_T_MAP,
	UWSGI_T_FN,
	UWSGI_T_VIEW,
	UWSGI_T_TEXT, /* in signatures only: bytes or str */
	UWSGI_T_ANY,  /* in signatures only */
};

enum {
	UWSGI_FN_BLOCKS = 1u << 0,  /* may block: the language lets its other threads run */
	UWSGI_FN_REQUEST = 1u << 1, /* needs a current request */
	UWSGI_FN_PREFORK = 1u << 2, /* only while the application is being loaded */
	UWSGI_FN_TUPLE = 1u << 3,   /* the list it returns is a fixed record: a tuple, where the language has tuples */
	UWSGI_FN_VALUE = 1u << 4, /* since 1.1: it takes nothing and returns the same for ever after init: an attribute,
				     where the language has attributes */
};

/* A table of functions ends with an all-zero row. */
struct uwsgi_api_fn {
	const char *name;
	const char *sig;
	const char *doc; /* one or more sentences */
	/* 0, or the negative result of uwsgi_fail. */
	int (*call)(struct uwsgi_call *c);
	uint32_t flags;
};

/* A constant: a number, or text when .text is not NULL.  A table ends with an all-zero row. */
struct uwsgi_api_const {
	const char *name;
	int64_t number;
	const char *text;
	const char *doc;
};

/* Errors a function can fail with; each language has its own exceptions for them. */
enum uwsgi_error {
	UWSGI_EVALUE = 1, /* ValueError */
	UWSGI_ETYPE,	  /* TypeError */
	UWSGI_EOS,	  /* OSError */
	UWSGI_ERUNTIME,	  /* RuntimeError */
	UWSGI_ENOTIMPL,	  /* NotImplementedError */
};

/* ---- arguments ---- */

UWSGI_API struct uwsgi_request *uwsgi_call_request(struct uwsgi_call *c); /* NULL outside a request */
UWSGI_API unsigned uwsgi_arg_count(struct uwsgi_call *c);
UWSGI_API const struct uwsgi_value *uwsgi_arg(struct uwsgi_call *c, unsigned i);
UWSGI_API bool uwsgi_arg_given(struct uwsgi_call *c, unsigned i); /* neither absent nor None */
UWSGI_API int64_t uwsgi_arg_int(struct uwsgi_call *c, unsigned i);
UWSGI_API double uwsgi_arg_float(struct uwsgi_call *c, unsigned i);
UWSGI_API bool uwsgi_arg_bool(struct uwsgi_call *c, unsigned i);
/* bytes, str and text; terminated by a NUL that is not counted. */
UWSGI_API struct uwsgi_str uwsgi_arg_str(struct uwsgi_call *c, unsigned i);

/* ---- results ---- */

UWSGI_API void uwsgi_ret_bool(struct uwsgi_call *c, bool v);
UWSGI_API void uwsgi_ret_int(struct uwsgi_call *c, int64_t v);
UWSGI_API void uwsgi_ret_float(struct uwsgi_call *c, double v);
UWSGI_API void uwsgi_ret_bytes(struct uwsgi_call *c, const void *p, size_t n);
UWSGI_API void uwsgi_ret_str(struct uwsgi_call *c, const char *p, size_t n);
/* Begin a list or a map; fill it with the add functions. */
UWSGI_API struct uwsgi_value *uwsgi_ret_list(struct uwsgi_call *c);
UWSGI_API struct uwsgi_value *uwsgi_ret_map(struct uwsgi_call *c);
/* Fail: the message goes to the caller.  Returns -1. */
UWSGI_API int uwsgi_fail(struct uwsgi_call *c, enum uwsgi_error code, const char *fmt, ...) UWSGI_PRINTF(3, 4);

/* ---- values ---- */

UWSGI_API enum uwsgi_type uwsgi_value_type(const struct uwsgi_value *v);
UWSGI_API int64_t uwsgi_value_int(const struct uwsgi_value *v);
UWSGI_API double uwsgi_value_float(const struct uwsgi_value *v);
UWSGI_API struct uwsgi_str uwsgi_value_str(const struct uwsgi_value *v); /* bytes and str */
UWSGI_API size_t uwsgi_value_len(const struct uwsgi_value *v);		 /* of a list or map */
UWSGI_API const struct uwsgi_value *uwsgi_value_at(const struct uwsgi_value *v, size_t i);
UWSGI_API const struct uwsgi_value *uwsgi_value_key_at(const struct uwsgi_value *v, size_t i);

/* Append to a list (key NULL) or a map (key copied).  The new element, or NULL when memory is out. */
UWSGI_API struct uwsgi_value *uwsgi_add_none(struct uwsgi_value *to, const char *key);
UWSGI_API struct uwsgi_value *uwsgi_add_bool(struct uwsgi_value *to, const char *key, bool v);
UWSGI_API struct uwsgi_value *uwsgi_add_int(struct uwsgi_value *to, const char *key, int64_t v);
UWSGI_API struct uwsgi_value *uwsgi_add_float(struct uwsgi_value *to, const char *key, double v);
UWSGI_API struct uwsgi_value *uwsgi_add_bytes(struct uwsgi_value *to, const char *key, const void *p, size_t n);
UWSGI_API struct uwsgi_value *uwsgi_add_str(struct uwsgi_value *to, const char *key, const char *p, size_t n);
UWSGI_API struct uwsgi_value *uwsgi_add_list(struct uwsgi_value *to, const char *key);
UWSGI_API struct uwsgi_value *uwsgi_add_map(struct uwsgi_value *to, const char *key);

/* ---- callables ---- */

/* A callable of some language.  Valid in the process that got it and in those it forks. */
struct uwsgi_fn {
	/* Call with a list of arguments; `*result_r` (may be NULL) is freed with uwsgi_value_free.  0, or -1 after the
	 * language logged its traceback. */
	int (*call)(struct uwsgi_fn *fn, const struct uwsgi_value *args, struct uwsgi_value **result_r);
	void (*retain)(struct uwsgi_fn *fn);
	void (*release)(struct uwsgi_fn *fn);
};
UWSGI_API struct uwsgi_fn *uwsgi_arg_fn(struct uwsgi_call *c, unsigned i); /* retain it to keep it */
UWSGI_API struct uwsgi_value *uwsgi_value_new_list(void);
UWSGI_API void uwsgi_value_free(struct uwsgi_value *v);

/* ---- for language plugins ---- */

enum {
	UWSGI_VALUE_OWNED = 1u << 0,   /* the kernel's: its memory is freed with the value */
	UWSGI_VALUE_DEFAULT = 1u << 1, /* of an argument: the caller gave none */
};

/* A neutral value.  Only language plugins look inside; they fill arguments in place, so that a call allocates nothing.
 * Zero is None. */
struct uwsgi_value {
	uint8_t type;  /* enum uwsgi_type, never TEXT or ANY */
	uint8_t flags; /* UWSGI_VALUE_* */
	uint32_t room; /* of a list or map: elements that fit `items` */
	union {
		int64_t i;	     /* bool (0 or 1), int */
		double f;	     /* float */
		struct uwsgi_str s;  /* bytes, str, view: borrowed unless OWNED */
		struct uwsgi_fn *fn; /* fn: borrowed */
		struct {
			struct uwsgi_value **items; /* a map alternates key and value */
			size_t n;		    /* elements, or pairs */
		} list;
	} u;
};

#define UWSGI_PARAMS_MAX 16

enum uwsgi_star { UWSGI_STAR_NONE = 0, UWSGI_STAR_REST /* *name */, UWSGI_STAR_KEYWORDS /* **name */ };

/* One parameter of a signature. */
struct uwsgi_param {
	struct uwsgi_str name; /* terminated */
	uint8_t type;	       /* enum uwsgi_type */
	uint8_t star;	       /* enum uwsgi_star: a list or map of the caller's spare arguments, of that type each */
	bool optional;	       /* has a default, or is a star */
	bool nullable;	       /* takes None: "| None", or "= None" */
	struct uwsgi_value value; /* the default */
};

/* A row with its signature read.  Made by the kernel, valid for ever. */
struct uwsgi_function {
	const struct uwsgi_api_fn *row;
	const char *owner; /* the plugin, or "kernel" */
	unsigned count;	   /* parameters, stars included */
	unsigned plain;	   /* parameters without a star; they come first */
	unsigned required; /* parameters without a default; they come first */
	uint8_t returns;   /* enum uwsgi_type */
	bool returns_none; /* "| None" */
	const struct uwsgi_param *params;
};

/* One call: what the function sees of it, and what it answered. */
struct uwsgi_call {
	const struct uwsgi_value *args;
	unsigned count;
	int error; /* enum uwsgi_error, 0: none */
	struct uwsgi_request *request;
	struct uwsgi_value result;
	char text[256]; /* the message of an error, or a short result */
};

/* Walk every row, in registration order.  [any] after the plugins are loaded. */
UWSGI_API void uwsgi_api_each(void (*fn)(const struct uwsgi_api_fn *row, void *data), void *data);
UWSGI_API void uwsgi_api_each_function(void (*fn)(const struct uwsgi_function *function, void *data), void *data);
UWSGI_API void uwsgi_api_each_const(void (*fn)(const struct uwsgi_api_const *row, void *data), void *data);

/* The function of that name, or NULL.  [any] after the plugins are loaded. */
UWSGI_API const struct uwsgi_function *uwsgi_api_find(const char *name);

/* Call `function` with `args`, one for each of its parameters; an argument nobody gave has the flag DEFAULT and gets
 * its default here, and a bool, int or float is made the number its parameter asks for.  Every other type must fit.
 * Returns 0, or -1: `call_r->error` and `call_r->text` then say why.  After 0 the result is in `call_r->result`; give
 * it to uwsgi_value_clear when it was read.  [any] Blocks only when the row says so. */
UWSGI_API int uwsgi_api_invoke(const struct uwsgi_function *function, struct uwsgi_value *args,
			       struct uwsgi_call *call_r);

/* "bytes", "text", ... */
UWSGI_API const char *uwsgi_type_name(enum uwsgi_type type);

/* Free what the value owns, and make it None. */
UWSGI_API void uwsgi_value_clear(struct uwsgi_value *v);
/* A copy of its own of text that is borrowed.  0 or -ENOMEM. */
UWSGI_API int uwsgi_value_set_text(struct uwsgi_value *v, enum uwsgi_type type, const void *p, size_t n);
/* Make an empty list or map of a None. */
UWSGI_API void uwsgi_value_set_list(struct uwsgi_value *v);
UWSGI_API void uwsgi_value_set_map(struct uwsgi_value *v);
/* Append a None to a list (`key` NULL) or a map (`key` is bytes or str, copied), to be filled.  NULL: no memory. */
UWSGI_API struct uwsgi_value *uwsgi_value_add(struct uwsgi_value *to, const struct uwsgi_value *key);

UWSGI_END_DECLS
#endif
