/* stats_text.c - the map as JSON, on jansson, and as a response of HTTP. */
#include "stats_server.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 14 /* of a time: seconds of the epoch and milliseconds */

/* JSON is UTF-8; a path may be anything. */
static json_t *text_of(struct uwsgi_str s)
{
	json_t *text = json_stringn(s.p, s.n);
	char *copy = text ? NULL : malloc(s.n + 1);
	for (size_t i = 0; copy && i < s.n; i++)
		copy[i] = (unsigned char)s.p[i] < 0x80 ? s.p[i] : '?';
	if (copy)
		text = json_stringn(copy, s.n);
	free(copy);
	return text;
}

static json_t *json_of(const struct uwsgi_value *v)
{
	json_t *all;
	switch (uwsgi_value_type(v)) {
	case UWSGI_T_BOOL:
		return json_boolean(uwsgi_value_int(v));
	case UWSGI_T_INT:
		return json_integer(uwsgi_value_int(v));
	case UWSGI_T_FLOAT:
		return json_real(uwsgi_value_float(v));
	case UWSGI_T_BYTES:
	case UWSGI_T_STR:
	case UWSGI_T_VIEW:
		return text_of(uwsgi_value_str(v));
	case UWSGI_T_LIST:
		all = json_array();
		for (size_t i = 0; i < uwsgi_value_len(v); i++)
			json_array_append_new(all, json_of(uwsgi_value_at(v, i)));
		return all;
	case UWSGI_T_MAP:
		all = json_object();
		for (size_t i = 0; i < uwsgi_value_len(v); i++)
			json_object_set_new(all, uwsgi_value_str(uwsgi_value_key_at(v, i)).p,
					    json_of(uwsgi_value_at(v, i)));
		return all;
	default:
		return json_null();
	}
}

char *stats_json(const struct uwsgi_value *value, bool minified, size_t *len_r)
{
	json_t *root = json_of(value);
	char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS) | (minified ? 0 : JSON_INDENT(4)));
	json_decref(root);
	if (text)
		*len_r = strlen(text);
	return text;
}

char *stats_answer(const char *json, size_t json_len, bool http, bool any_page, size_t *len_r)
{
	char head[256] = "";
	int head_len = 0;
	if (http)
		head_len = snprintf(head, sizeof head,
				    "HTTP/1.0 200 OK\r\nConnection: close\r\n%sContent-Type: application/json\r\n"
				    "Content-Length: %zu\r\n\r\n",
				    any_page ? "Access-Control-Allow-Origin: *\r\n" : "", json_len + 1);
	char *answer = malloc((size_t)head_len + json_len + 1);
	if (!answer)
		return NULL;
	memcpy(answer, head, (size_t)head_len);
	memcpy(answer + head_len, json, json_len);
	answer[(size_t)head_len + json_len] = '\n';
	*len_r = (size_t)head_len + json_len + 1;
	return answer;
}

bool stats_is_http(const char *bytes, size_t len)
{
	static const char get[] = "GET ";
	return len >= sizeof get - 1 && !memcmp(bytes, get, sizeof get - 1);
}
