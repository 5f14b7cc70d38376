/* plugin_build.c - building plugins with nothing but the server at hand.
 *
 * The work is done by uwsgiconfig.py, which is installed beside the headers; in a build tree both are the source's. */
#include "plugin_build.h"

#include "option.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uwsgi/log.h>

/* The directory with uwsgi.h: the source's when the program runs from a build tree inside it, else the installed one.
 */
static const char *include_dir(const char *exe_dir, char text[PATH_MAX])
{
	snprintf(text, PATH_MAX, "%s/../kernel/include/uwsgi.h", exe_dir);
	if (access(text, R_OK) == 0)
		snprintf(text, PATH_MAX, "%s/../kernel/include", exe_dir);
	else
		snprintf(text, PATH_MAX, "%s", UWSGI_INCLUDE_DIR);
	return text;
}

void plugin_build_cflags(const char *exe_dir, char *text, unsigned size)
{
	char dir[PATH_MAX];
	snprintf(text, size, "-fPIC -O2 -g -Wall -I%s", include_dir(exe_dir, dir));
}

static int print_cflags(const char *key, const char *value, void *data)
{
	char text[PATH_MAX + 64];
	(void)key;
	(void)value;
	plugin_build_cflags(data, text, sizeof text);
	printf("%s\n", text);
	exit(0);
}

static int print_header(const char *key, const char *value, void *data)
{
	char dir[PATH_MAX], path[PATH_MAX + 16];
	(void)key;
	(void)value;
	snprintf(path, sizeof path, "%s/uwsgi.h", include_dir(data, dir));
	FILE *file = fopen(path, "re");
	if (!file) {
		uwsgi_log("uwsgi: cannot read %s: %s\n", path, strerror(errno));
		exit(1);
	}
	for (int c; (c = getc(file)) != EOF;)
		putchar(c);
	exit(0);
}

static int build_plugin(const char *key, const char *value, void *data)
{
	char script[PATH_MAX], flags[PATH_MAX + 64];
	const char *python = getenv("PYTHON") ? getenv("PYTHON") : "python3";
	(void)key;
	snprintf(script, sizeof script, "%s/../uwsgiconfig.py", (const char *)data);
	if (access(script, R_OK))
		snprintf(script, sizeof script, "%s/uwsgiconfig.py", UWSGI_DATA_DIR);
	plugin_build_cflags(data, flags, sizeof flags);
	setenv("UWSGI_PLUGINS_BUILDER_CFLAGS", flags, 1);
	execlp(python, python, script, "--extra-plugin", value, (char *)NULL);
	uwsgi_log("uwsgi: cannot run %s %s: %s; the plugin is not built\n", python, script, strerror(errno));
	exit(1);
}

int plugin_build_register(struct option_registry *options, const char *exe_dir)
{
	void *dir = (void *)exe_dir;
	const struct uwsgi_option rows[] = {
		{ "build-plugin", .type = UWSGI_OPT_CALL, .apply = build_plugin, .data = dir,
		  .flags = UWSGI_OPT_IMMEDIATE, .group = "plugins",
		  .help = "build a plugin from a .c file or a folder with uwsgiplugin.py, and exit" },
		{ "cflags", .type = UWSGI_OPT_CALL, .arg = UWSGI_ARG_NONE, .apply = print_cflags, .data = dir,
		  .flags = UWSGI_OPT_IMMEDIATE, .group = "plugins",
		  .help = "print the flags that compile a plugin, and exit" },
		{ "dot-h", .type = UWSGI_OPT_CALL, .arg = UWSGI_ARG_NONE, .apply = print_header, .data = dir,
		  .flags = UWSGI_OPT_IMMEDIATE, .group = "plugins", .help = "print uwsgi.h, and exit" },
		{ 0 },
	};
	return option_register(options, "kernel", rows, sizeof *rows, NULL);
}
