/* Encoders: what a line becomes, and that JSON is JSON whatever the line is. */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "encoder.h"

#define ROOM 262144

static char out[ROOM];

static struct record record_of(const char *text, size_t len)
{
	return (struct record){
		.text = { text, len }, .newline = true, .request_id = { "id-1", 4 }, .now_us = 1795272763123456u
	};
}

static const char *encoded(const char *name, const char *arg, const char *text)
{
	struct record record = record_of(text, strlen(text));
	struct encoder *e = encoder_create(name, arg);
	cr_assert_not_null(e);
	encoder_run(e, &record, out, sizeof out - 2);
	encoder_destroy(&e);
	char *end = (char *)record.text.p + record.text.n;
	if (record.newline)
		*end++ = '\n';
	*end = 0;
	return out;
}

static void in_utc(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
}

TestSuite(encoder, .init = in_utc, .timeout = 60);

Test(encoder, does_what_its_name_says)
{
	static const struct {
		const char *name, *arg, *text, *out;
	} rows[] = {
		{ "prefix", "a ", "line", "a line\n" },
		{ "prefix", "${msg}", "line", "${msg}line\n" },
		{ "suffix", "!", "line", "line!\n" },
		{ "nl", "", "line", "line\n" },
		{ "format", "[${msg}]", "line", "[line]" },
		{ "format", "${msgnl}", "line", "line\n" },
		{ "format", "${unix} ${millis} ${micros}", "", "1795272763 1795272763123 1795272763123456" },
		{ "format", "${strftime:%Y-%m-%d}", "", "2026-11-21" },
		{ "format", "${request_id}", "", "id-1" },
		{ "format", "${nope} ${ $x", "", "${nope} ${ $x" },
		{ "format", "", "line", "line" },
		{ "json", "{\"m\":\"${msg}\"}", "a\"b\\c\td", "{\"m\":\"a\\\"b\\\\c\\td\"}" },
		{ "json", "{\"m\":\"${msgnl}\"}", "x", "{\"m\":\"x\\n\"}" },
		{ "json", "", "x", "{\"time\":1795272763,\"request_id\":\"id-1\",\"message\":\"x\"}" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(encoded(rows[i].name, rows[i].arg, rows[i].text), rows[i].out, "%s %s: %s",
				 rows[i].name, rows[i].arg, out);
}

Test(encoder, is_only_made_when_it_is_known)
{
	errno = 0;
	cr_assert_null(encoder_create("rot13", ""));
	cr_assert_eq(errno, ENOENT);
}

Test(encoder, replaces_what_is_no_utf8)
{
	static const struct {
		const char *bytes, *json;
	} rows[] = {
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xff", "\xef\xbf\xbd" },
		{ "\xc3", "\xef\xbf\xbd" },
		{ "\xc3(", "\xef\xbf\xbd(" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\x01\x1f\x7f", "\\u0001\\u001f\\u007f" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char got[64];
		size_t n = json_escape(got, sizeof got - 1, (struct uwsgi_str){ rows[i].bytes, strlen(rows[i].bytes) });
		got[n] = 0;
		cr_expect_str_eq(got, rows[i].json, "row %zu", i);
	}
}

Test(encoder, never_cuts_a_character_or_an_escape)
{
	static const char text[] = "\xe2\x82\xac\"\x01\xff";
	for (size_t room = 0; room < 16; room++) {
		char got[64] = "\"";
		size_t n = json_escape(got + 1, room, (struct uwsgi_str){ text, sizeof text - 1 });
		cr_assert_leq(n, room);
		strcpy(got + 1 + n, "\"");
		json_t *value = json_loads(got, JSON_DECODE_ANY, NULL);
		cr_expect_not_null(value, "room %zu: %s", room, got);
		json_decref(value);
	}
}

/* The property: any bytes, any length, are one valid JSON object with the same template around them. */
Test(encoder, makes_valid_json_of_any_bytes)
{
	struct encoder *e =
		encoder_create("json", "{\"t\":${unix},\"d\":\"${strftime:%A}\",\"a\":\"${msg}\",\"b\":\"${msgnl}\"}");
	unsigned seed = 20261121;
	static char text[65536];
	for (int round = 0; round < 3000; round++) {
		size_t len = round % 50 ? (size_t)(rand_r(&seed) % 300) : sizeof text,
		       size = round % 3 ? ROOM - 1 : 512;
		for (size_t i = 0; i < len; i++) /* every other round leans to what sequences are made of */
			text[i] =
				(char)(round & 1 ? rand_r(&seed)
						 : "\xc3\xa9\xe2\x82\xf0\x9f\xed\xa0\"\\\x7f\x80"[rand_r(&seed) % 12]);
		struct record record = record_of(text, len);
		encoder_run(e, &record, out, size);
		cr_assert_leq(record.text.n, size);
		json_error_t error;
		json_t *value =
			json_loadb(record.text.p, record.text.n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
		cr_assert_not_null(value, "round %d: %s", round, error.text);
		cr_assert_eq(json_object_size(value), 4);
		json_decref(value);
	}
	encoder_destroy(&e);
}
