/* config_json.c - the JSON syntax of uWSGI, on jansson.
 *
 * The section is a member of the document: an object of keys.  An array gives its key once for each element; true is 1,
 * false and null are 0; objects inside are ignored. */
#include "config_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void emit_value(const char *key, const json_t *value, uwsgi_config_emit *emit, void *ctx)
{
	char number[64];
	switch (json_typeof(value)) {
	case JSON_STRING:
		emit(ctx, key, json_string_value(value), 0);
		break;
	case JSON_INTEGER:
		snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
		emit(ctx, key, number, 0);
		break;
	case JSON_REAL:
		snprintf(number, sizeof number, "%g", json_real_value(value));
		emit(ctx, key, number, 0);
		break;
	case JSON_TRUE:
		emit(ctx, key, "1", 0);
		break;
	case JSON_FALSE:
	case JSON_NULL:
		emit(ctx, key, "0", 0);
		break;
	case JSON_ARRAY:
		for (size_t i = 0; i < json_array_size(value); i++)
			emit_value(key, json_array_get(value, i), emit, ctx);
		break;
	case JSON_OBJECT:
		break;
	}
}

static int emit_section(json_t *root, const char *section, uwsgi_config_emit *emit, void *ctx, char *error_r,
			size_t error_size)
{
	json_t *object = json_object_get(root, section), *value;
	const char *key;
	if (!object)
		return -ENOENT;
	if (!json_is_object(object)) {
		snprintf(error_r, error_size, "\"%s\" is no object", section);
		return -EINVAL;
	}
	json_object_foreach(object, key, value) emit_value(key, value, emit, ctx);
	return 0;
}

int config_json_parse(const char *text, size_t len, const char *section, uwsgi_config_emit *emit, void *ctx,
		      char *error_r, size_t error_size)
{
	json_error_t error;
	/* Of two members with one name jansson would keep one: better say so than lose the other. */
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		bool comma = strstr(error.text, "near '}'") || strstr(error.text, "near ']'");
		snprintf(error_r, error_size, "line %d: %s%s", error.line, error.text,
			 comma ? " (is there a comma after the last one?)" : "");
		return -EINVAL;
	}
	int rc = emit_section(root, section, emit, ctx, error_r, error_size);
	json_decref(root);
	return rc;
}
