/* config_text.c - replacing, splitting, and reading the things a configuration can name. */
#include "config_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/option.h>

#include "option.h"

char *text_replace(const char *text, const char *what, const char *by)
{
	char *result = NULL;
	size_t size, len = strlen(what);
	FILE *out = open_memstream(&result, &size);
	if (!out)
		return NULL;
	for (const char *hit; (hit = strstr(text, what)); text = hit + len) {
		fwrite(text, 1, (size_t)(hit - text), out);
		fputs(by, out);
	}
	fputs(text, out);
	return fclose(out) ? (free(result), NULL) : result;
}

int text_split(struct uwsgi_strings *list, const char *text, const char *separators)
{
	char *copy = strdup(text), *rest = copy;
	int rc = copy ? 0 : -ENOMEM;
	for (char *word; !rc && (word = strsep(&rest, separators));)
		if (*word)
			rc = strings_add(list, word);
	free(copy);
	return rc;
}

static int read_all(FILE *in, char **text_r, size_t *len_r)
{
	FILE *out = open_memstream(text_r, len_r);
	if (!out)
		return -errno;
	char chunk[16384];
	for (size_t n; (n = fread(chunk, 1, sizeof chunk, in)) > 0;)
		fwrite(chunk, 1, n, out);
	int rc = ferror(in) ? -errno : 0;
	if (fclose(out) && !rc)
		rc = -ENOMEM;
	if (rc)
		free(*text_r);
	return rc;
}

static int read_path(const char *path, char **text_r, size_t *len_r)
{
	FILE *in = fopen(path, "re");
	if (!in)
		return -errno;
	int rc = read_all(in, text_r, len_r);
	fclose(in);
	return rc;
}

static int read_fd(const char *number, char **text_r, size_t *len_r)
{
	int fd = fcntl(atoi(number), F_DUPFD_CLOEXEC, 3);
	FILE *in = fd == -1 ? NULL : fdopen(fd, "r");
	if (!in)
		return -errno;
	int rc = read_all(in, text_r, len_r);
	fclose(in);
	return rc;
}

static int read_stdin(const char *name, char **text_r, size_t *len_r)
{
	(void)name;
	return read_fd("0", text_r, len_r);
}

static int read_command(const char *command, char **text_r, size_t *len_r)
{
	FILE *in = popen(command, "re");
	if (!in)
		return -errno;
	int rc = read_all(in, text_r, len_r);
	int status = pclose(in);
	if (!rc && status) {
		free(*text_r);
		return -ECHILD;
	}
	return rc;
}

static const struct {
	const char *prefix;
	int (*read)(const char *rest, char **text_r, size_t *len_r);
} schemes[] = {
	{ "fd://", read_fd },
	{ "exec://", read_command },
	{ "file://", read_path },
};

static const char *reason(int rc)
{
	if (rc == -ENOTSUP)
		return "this scheme is not there yet, use a path, fd:// or exec://";
	return rc == -ECHILD ? "the command failed" : strerror(-rc);
}

static bool has_scheme(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz");
	return len && !strncmp(name + len, "://", 3);
}

int resource_read(const char *name, char **text_r, size_t *len_r, char *error_r, size_t error_size)
{
	int (*read)(const char *, char **, size_t *) = strcmp(name, "-") ? read_path : read_stdin;
	const char *rest = name;
	/* A scheme is a word before "://"; a path may hold these characters only behind a slash. */
	if (has_scheme(name))
		read = NULL;
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t len = strlen(schemes[i].prefix);
		if (strncmp(name, schemes[i].prefix, len))
			continue;
		read = schemes[i].read;
		rest = name + len;
	}
	int rc = read ? read(rest, text_r, len_r) : -ENOTSUP;
	if (rc)
		snprintf(error_r, error_size, "%s", reason(rc));
	return rc;
}
