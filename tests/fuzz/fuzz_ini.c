/* fuzz_ini.c - any bytes are an ini file: the reader, the letters and the placeholders must survive them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config_expand.h"
#include "config_ini.h"
#include "config_magic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *lookup(void *ctx, const char *name)
{
	(void)ctx;
	return strlen(name) == 1 ? "7" : NULL;
}

static void take(void *ctx, const char *key, const char *value, int line)
{
	char error[64];
	(void)ctx;
	(void)key;
	(void)line;
	if (value)
		free(expand_placeholders(value, lookup, NULL, error, sizeof error));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[] = "/dir/app.ini", section[] = "uwsgi";
	const struct config_file file = { path, path, section };
	char error[64];
	size_t len;
	char *text = config_magic((const char *)data, size, &file, &file, "1", &len);
	if (text)
		config_ini_parse(text, len, section, take, NULL, error, sizeof error);
	free(text);
	return 0;
}
