/* config_xml.c - the XML syntax of uWSGI, on expat.
 *
 * The section is the first <uwsgi> element, or with another name the element of that id.  <key>value</key> is a key, an
 * empty element has the value 1.  <app mountpoint="/x"><script>y</script></app> mounts y.  Text is kept exactly. */
#include "config_xml.h"

#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTION = 1, KEY, APP_PART }; /* how deep below the section's parent an element is */

struct reading {
	XML_Parser parser;
	const char *section;
	uwsgi_config_emit *emit;
	void *ctx;
	char *error;
	size_t error_size;
	int depth; /* 0: outside of the section */
	bool found;
	char *mountpoint; /* inside of <app> */
	bool mounted;
	char *text;
	size_t len;
	int line; /* of the element in hand */
	int rc;
};

static int line_of(const struct reading *r)
{
	return (int)XML_GetCurrentLineNumber(r->parser);
}

static void fail(struct reading *r, int rc, const char *message)
{
	if (r->rc)
		return;
	r->rc = rc;
	snprintf(r->error, r->error_size, "line %d: %s", line_of(r), message);
	XML_StopParser(r->parser, XML_FALSE);
}

static const char *attribute(const char **attributes, const char *name)
{
	for (; *attributes; attributes += 2)
		if (!strcmp(attributes[0], name))
			return attributes[1];
	return NULL;
}

static bool is_section(const struct reading *r, const char *name, const char **attributes)
{
	if (r->found)
		return false;
	if (!strcmp(r->section, "uwsgi"))
		return !strcmp(name, "uwsgi");
	const char *id = attribute(attributes, "id");
	return id && !strcmp(id, r->section);
}

static void on_start(void *ctx, const char *name, const char **attributes)
{
	struct reading *r = ctx;
	if (!r->depth && !is_section(r, name, attributes))
		return;
	r->found = true;
	r->depth++;
	r->len = 0;
	r->line = line_of(r);
	if (r->depth > APP_PART || (r->depth == APP_PART && !r->mountpoint)) {
		fail(r, -EINVAL, "an option cannot hold another element");
		return;
	}
	if (attribute(attributes, "mode")) {
		fail(r, -ENOTSUP, "elements for a mode only are not there yet");
		return;
	}
	const char *mountpoint = attribute(attributes, "mountpoint");
	if (!mountpoint)
		mountpoint = attribute(attributes, "domain");
	if (r->depth != KEY || strcmp(name, "app") || !mountpoint)
		return;
	r->mountpoint = strdup(mountpoint);
	r->mounted = false;
	if (!r->mountpoint)
		fail(r, -ENOMEM, "out of memory");
}

static void on_text(void *ctx, const char *text, int len)
{
	struct reading *r = ctx;
	if (r->depth < KEY)
		return;
	char *grown = realloc(r->text, r->len + (size_t)len + 1);
	if (!grown) {
		fail(r, -ENOMEM, "out of memory");
		return;
	}
	r->text = grown;
	memcpy(r->text + r->len, text, (size_t)len);
	r->len += (size_t)len;
}

/* The text of the element that ends; an empty one means 1. */
static const char *take_text(struct reading *r)
{
	if (!r->len)
		return "1";
	r->text[r->len] = '\0';
	return r->text;
}

static void mount(struct reading *r)
{
	char *value = NULL;
	if (asprintf(&value, "%s=%s", r->mountpoint, take_text(r)) == -1) {
		fail(r, -ENOMEM, "out of memory");
		return;
	}
	r->emit(r->ctx, "mount", value, r->line);
	r->mounted = true;
	free(value);
}

static void on_end(void *ctx, const char *name)
{
	struct reading *r = ctx;
	if (!r->depth)
		return;
	if (r->depth == APP_PART && !r->mounted) {
		mount(r);
	} else if (r->depth == KEY && r->mountpoint) {
		if (!r->mounted)
			fail(r, -EINVAL, "<app> names no application");
		free(r->mountpoint);
		r->mountpoint = NULL;
	} else if (r->depth == KEY) {
		r->emit(r->ctx, name, take_text(r), r->line);
	}
	r->depth--;
	r->len = 0;
}

int config_xml_parse(const char *text, size_t len, const char *section, uwsgi_config_emit *emit, void *ctx,
		     char *error_r, size_t error_size)
{
	struct reading r = {
		.parser = XML_ParserCreate(NULL),
		.section = section,
		.emit = emit,
		.ctx = ctx,
		.error = error_r,
		.error_size = error_size,
	};
	if (!r.parser)
		return -ENOMEM;
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	if (XML_Parse(r.parser, text, (int)len, 1) != XML_STATUS_OK)
		fail(&r, -EINVAL, XML_ErrorString(XML_GetErrorCode(r.parser)));
	XML_ParserFree(r.parser);
	free(r.mountpoint);
	free(r.text);
	return r.rc ? r.rc : r.found ? 0 : -ENOENT;
}
