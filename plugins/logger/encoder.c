/* encoder.c - see encoder.h.  Every encoder is a template; they differ in where it comes from and what its variables
 * are escaped for. */
#include "encoder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum piece_kind { TEXT, MSG, MSGNL, UNIX, MILLIS, MICROS, REQUEST_ID, STRFTIME };

struct piece {
	enum piece_kind kind;
	char *text; /* TEXT, STRFTIME */
};

enum newline { NL_KEEP, NL_NONE, NL_ALWAYS };

struct encoder {
	struct piece *pieces;
	size_t count, variables, text_len;
	enum newline newline;
	bool json;
};

static const struct {
	const char *name, *before, *after; /* around the argument */
	enum newline newline;
	bool json;
	const char *by_default; /* argument when there is none */
} names[] = {
	{ "prefix", "", "${msg}", NL_KEEP, false, "" },
	{ "suffix", "${msg}", "", NL_KEEP, false, "" },
	{ "nl", "${msg}", "", NL_ALWAYS, false, "" },
	{ "format", "", "", NL_NONE, false, "${msg}" },
	{ "json", "", "", NL_NONE, true, "{\"time\":${unix},\"request_id\":\"${request_id}\",\"message\":\"${msg}\"}" },
};

static const struct {
	const char *name;
	enum piece_kind kind;
} variables[] = {
	{ "msg", MSG },	      { "msgnl", MSGNL },   { "unix", UNIX },
	{ "millis", MILLIS }, { "micros", MICROS }, { "request_id", REQUEST_ID },
};

/* ---- JSON ---- */

/* Length of the UTF-8 sequence (RFC 3629) that text begins with; 0: it begins with none. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	if (len > n || len < 2)
		return len > n ? 0 : len;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
	bool surrogate = p[0] == 0xed && p[1] > 0x9f, beyond = p[0] == 0xf4 && p[1] > 0x8f;
	return overlong || surrogate || beyond ? 0 : len;
}

/* One character as JSON wants it, and how many bytes of the text it was. */
static size_t json_char(char out[8], const unsigned char *p, size_t n, size_t *used_r)
{
	static const char named[128] = { ['"'] = '"', ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
	size_t len = utf8_len(p, n);
	*used_r = len ? len : 1;
	if (!len) {
		memcpy(out, "\xef\xbf\xbd", 3);
		return 3;
	}
	if (len == 1 && named[*p]) {
		out[0] = '\\';
		out[1] = named[*p];
		return 2;
	}
	if (*p < ' ' || *p == 127)
		return (size_t)snprintf(out, 8, "\\u%04x", *p);
	memcpy(out, p, len);
	return len;
}

size_t json_escape(char *out, size_t size, struct uwsgi_str text)
{
	size_t len = 0, used;
	for (size_t at = 0; at < text.n; at += used) {
		char one[8];
		size_t n = json_char(one, (const unsigned char *)text.p + at, text.n - at, &used);
		if (n > size - len)
			break;
		memcpy(out + len, one, n);
		len += n;
	}
	return len;
}

/* ---- reading a template ---- */

static int push(struct encoder *e, enum piece_kind kind, const char *text, size_t len)
{
	if (kind == TEXT && !len)
		return 0;
	struct piece *all = realloc(e->pieces, (e->count + 1) * sizeof *all);
	if (!all)
		return -ENOMEM;
	e->pieces = all;
	char *copy = strndup(text, len);
	all[e->count++] = (struct piece){ kind, copy };
	e->variables += kind != TEXT;
	e->text_len += kind == TEXT ? len : 0;
	return copy ? 0 : -ENOMEM;
}

static int push_variable(struct encoder *e, const char *name, size_t len)
{
	if (len > 9 && !memcmp(name, "strftime:", 9))
		return push(e, STRFTIME, name + 9, len - 9);
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
		if (strlen(variables[i].name) == len && !memcmp(variables[i].name, name, len))
			return push(e, variables[i].kind, "", 0);
	return push(e, TEXT, name - 2, len + 3); /* as it was written */
}

static int read_template(struct encoder *e, const char *text)
{
	int failed = 0;
	while (*text && !failed) {
		const char *begin = strstr(text, "${"), *end = begin ? strchr(begin, '}') : NULL;
		if (!end)
			return push(e, TEXT, text, strlen(text));
		failed = push(e, TEXT, text, (size_t)(begin - text));
		if (!failed)
			failed = push_variable(e, begin + 2, (size_t)(end - begin) - 2);
		text = end + 1;
	}
	return failed;
}

struct encoder *encoder_create(const char *name, const char *arg)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i].name, name))
			continue;
		struct encoder *e = calloc(1, sizeof *e);
		if (!e)
			return NULL;
		e->newline = names[i].newline;
		e->json = names[i].json;
		bool around = *names[i].before || *names[i].after; /* its argument is text, not a template */
		int failed = read_template(e, names[i].before);
		if (!failed && around)
			failed = push(e, TEXT, arg, strlen(arg));
		else if (!failed)
			failed = read_template(e, *arg ? arg : names[i].by_default);
		if (!failed)
			failed = read_template(e, names[i].after);
		if (failed)
			encoder_destroy(&e);
		return e;
	}
	errno = ENOENT;
	return NULL;
}

void encoder_destroy(struct encoder **e)
{
	if (!*e)
		return;
	for (size_t i = 0; i < (*e)->count; i++)
		free((*e)->pieces[i].text);
	free((*e)->pieces);
	free(*e);
	*e = NULL;
}

/* ---- running ---- */

static size_t put(const struct encoder *e, char *out, size_t room, struct uwsgi_str text)
{
	if (e->json)
		return json_escape(out, room, text);
	size_t n = text.n < room ? text.n : room;
	memcpy(out, text.p, n);
	return n;
}

static size_t put_number(char *out, size_t room, uint64_t n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
	len = len < room ? len : room;
	memcpy(out, digits, len);
	return len;
}

static size_t put_date(const struct encoder *e, char *out, size_t room, const char *format, uint64_t now_us)
{
	char text[256];
	struct tm tm;
	time_t now = (time_t)(now_us / 1000000);
	localtime_r(&now, &tm);
	return put(e, out, room, (struct uwsgi_str){ text, strftime(text, sizeof text, format, &tm) });
}

static size_t put_piece(const struct encoder *e, const struct piece *piece, const struct record *r, char *out,
			size_t room)
{
	switch (piece->kind) {
	case TEXT:
		memcpy(out, piece->text, strlen(piece->text));
		return strlen(piece->text);
	case MSG:
		return put(e, out, room, r->text);
	case MSGNL: {
		size_t newline = room < 2 ? room : 2, n = put(e, out, room - newline, r->text);
		return n + put(e, out + n, newline, (struct uwsgi_str){ "\n", 1 });
	}
	case UNIX:
		return put_number(out, room, r->now_us / 1000000);
	case MILLIS:
		return put_number(out, room, r->now_us / 1000);
	case MICROS:
		return put_number(out, room, r->now_us);
	case REQUEST_ID:
		return put(e, out, room, r->request_id);
	case STRFTIME:
		return put_date(e, out, room, piece->text, r->now_us);
	}
	return 0;
}

void encoder_run(const struct encoder *e, struct record *r, char *out, size_t size)
{
	size_t len = 0, share = e->variables ? (size - e->text_len) / e->variables : 0;
	for (size_t i = 0; i < e->count; i++)
		len += put_piece(e, &e->pieces[i], r, out + len, share);
	r->text = (struct uwsgi_str){ out, len };
	if (e->newline != NL_KEEP)
		r->newline = e->newline == NL_ALWAYS;
}
