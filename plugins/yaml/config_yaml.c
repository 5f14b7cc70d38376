/* config_yaml.c - the YAML syntax of uWSGI, on libyaml.
 *
 * The section is a mapping of keys in the top mapping.  Scalars are kept as text, a sequence gives its key once for
 * each element, a key without a value is skipped, duplicate keys are all kept. */
#include "config_yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* A plain value may not begin with these in YAML, but existing files have "pidfile: %(name).pid": such values are
 * quoted before libyaml sees them.  Line numbers stay as they are. */
static void put_line(FILE *out, const char *line, size_t len)
{
	const char *colon = memmem(line, len, ": ", 2);
	const char *value = colon ? colon + 1 : line, *end = line + len;
	while (value < end && strchr(" \t-", *value))
		value++;
	while (end > value && strchr(" \t\r", end[-1]))
		end--;
	if (value == end || !strchr("%@`", *value) || value == line || memchr(value, '\'', (size_t)(end - value))) {
		fwrite(line, 1, len, out);
		return;
	}
	fprintf(out, "%.*s'%.*s'", (int)(value - line), line, (int)(end - value), value);
}

static char *quote_values(const char *text, size_t len, size_t *len_r)
{
	char *result = NULL;
	FILE *out = open_memstream(&result, len_r);
	if (!out)
		return NULL;
	for (const char *end = text + len; text < end;) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		put_line(out, text, n);
		if (newline)
			fputc('\n', out);
		text += n + 1;
	}
	return fclose(out) ? (free(result), NULL) : result;
}

/* Text of a scalar, NULL for anything else. */
static const char *scalar(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static void emit_text(const char *key, const yaml_node_t *node, uwsgi_config_emit *emit, void *ctx)
{
	const char *text = scalar(node);
	if (text && *text)
		emit(ctx, key, text, (int)node->start_mark.line + 1);
}

static void emit_value(yaml_document_t *document, const char *key, yaml_node_t *value, uwsgi_config_emit *emit,
		       void *ctx)
{
	if (value->type != YAML_SEQUENCE_NODE) {
		emit_text(key, value, emit, ctx);
		return;
	}
	for (yaml_node_item_t *item = value->data.sequence.items.start; item < value->data.sequence.items.top; item++)
		emit_text(key, yaml_document_get_node(document, *item), emit, ctx);
}

static yaml_node_t *find(yaml_document_t *document, const yaml_node_t *map, const char *wanted)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
		const char *key = scalar(yaml_document_get_node(document, pair->key));
		if (key && !strcmp(key, wanted))
			return yaml_document_get_node(document, pair->value);
	}
	return NULL;
}

static int emit_section(yaml_document_t *document, const char *section, uwsgi_config_emit *emit, void *ctx,
			char *error_r, size_t error_size)
{
	const yaml_node_t *map = find(document, yaml_document_get_root_node(document), section);
	if (!map)
		return -ENOENT;
	if (map->type != YAML_MAPPING_NODE) {
		snprintf(error_r, error_size, "line %zu: \"%s\" is no mapping", map->start_mark.line + 1, section);
		return -EINVAL;
	}
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
		const char *key = scalar(yaml_document_get_node(document, pair->key));
		if (key)
			emit_value(document, key, yaml_document_get_node(document, pair->value), emit, ctx);
	}
	return 0;
}

int config_yaml_parse(const char *text, size_t len, const char *section, uwsgi_config_emit *emit, void *ctx,
		      char *error_r, size_t error_size)
{
	yaml_parser_t parser;
	yaml_document_t document;
	char *quoted = quote_values(text, len, &len);
	if (!quoted || !yaml_parser_initialize(&parser)) {
		free(quoted);
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)quoted, len);
	int rc = -EINVAL;
	if (yaml_parser_load(&parser, &document)) {
		rc = emit_section(&document, section, emit, ctx, error_r, error_size);
		yaml_document_delete(&document);
	} else {
		snprintf(error_r, error_size, "line %zu: %s", parser.problem_mark.line + 1,
			 parser.problem ? parser.problem : "not YAML");
	}
	yaml_parser_delete(&parser);
	free(quoted);
	return rc;
}
