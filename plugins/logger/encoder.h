/* encoder.h - what a line looks like when it leaves: a template around it, as text or as JSON.
 *
 * Pure: a line and the time go in, bytes come out; of the output's room each variable gets its share, so that what is
 * too long is cut inside of its quotes and never with them. */
#ifndef LOGGER_ENCODER_H
#define LOGGER_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uwsgi/base.h>

struct encoder;

/* A line on its way, without its newline. */
struct record {
	struct uwsgi_str text;
	bool newline;		     /* it had one, or is to have one */
	struct uwsgi_str request_id; /* {"", 0}: not the line of a request, or it has none */
	uint64_t now_us;
};

/* prefix, suffix, nl, format or json, with their argument.  NULL with errno ENOENT: there is none of that name, or
 * ENOMEM. */
struct encoder *encoder_create(const char *name, const char *arg);
void encoder_destroy(struct encoder **encoder);

/* Put the record's new text to `out`.  At least 256 bytes beside the template's own text. */
void encoder_run(const struct encoder *encoder, struct record *record, char *out, size_t size);

/* Append text as the inside of a JSON string (RFC 8259), whatever its bytes: control bytes, quotes and backslashes are
 * escaped, what is no UTF-8 becomes U+FFFD.  Stops before what does not fit.  The bytes written. */
size_t json_escape(char *out, size_t size, struct uwsgi_str text);

#endif
