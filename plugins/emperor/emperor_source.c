/* emperor_source.c - where vassals come from: the files of a directory, or of a pattern. */
#include "emperor.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *source_parse(const char *text, struct source *source_r)
{
	static const char dir[] = "dir://", pattern[] = "glob://";
	*source_r = (struct source){ .path = text };
	if (!strncmp(text, dir, sizeof dir - 1))
		source_r->path += sizeof dir - 1;
	else if (!strncmp(text, pattern, sizeof pattern - 1))
		*source_r = (struct source){ text + sizeof pattern - 1, true };
	else if (strstr(text, "://"))
		return "nothing here watches that; a directory, dir://DIRECTORY and glob://PATTERN can be watched";
	else
		source_r->is_glob = text[strcspn(text, "*?[")];
	return *source_r->path ? NULL : "it is empty";
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), e = strlen(end);
	return n > e && e && !strcmp(text + n - e, end);
}

/* A line break in a name would let its owner write lines of the log. */
static bool has_control(const char *name)
{
	while (*name && (unsigned char)*name >= ' ' && *name != 0x7f)
		name++;
	return *name;
}

const char *source_format(const char *name, const struct uwsgi_strings *extensions)
{
	static const struct {
		const char *suffix, *option;
	} formats[] = {
		{ ".ini", "--ini" },   { ".xml", "--xml" },   { ".yml", "--yaml" },
		{ ".yaml", "--yaml" }, { ".json", "--json" }, { ".js", "--json" },
	};
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	if (*base == '.' || has_control(name))
		return NULL;
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (ends_with(base, formats[i].suffix))
			return formats[i].option;
	for (size_t i = 0; i < extensions->n; i++)
		if (ends_with(base, extensions->v[i]))
			return "--ini";
	return NULL;
}

/* False: it is no file, or not any more. */
static bool mark_file(const char *path, const struct emperor_options *options, struct file_mark *mark_r)
{
	struct stat file, owner;
	if ((options->nofollow ? lstat : stat)(path, &file) == -1)
		return false;
	if ((options->tyrant_nofollow ? lstat : stat)(path, &owner) == -1)
		return false;
	*mark_r = (struct file_mark){ file.st_mtim, file.st_ino, owner.st_uid, owner.st_gid };
	return S_ISREG(file.st_mode) || S_ISLNK(file.st_mode);
}

static int scan_directory(const struct source *source, const struct emperor_options *options,
			  void (*fn)(const struct found *found, void *data), void *data)
{
	struct dirent **entries;
	int count = scandir(source->path, &entries, NULL, alphasort);
	if (count == -1)
		return -errno;
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];
		struct found found = { .path = path, .dir = source->path, .name = entries[i]->d_name };
		found.format = source_format(found.name, &options->extensions);
		if (found.format && snprintf(path, sizeof path, "%s/%s", source->path, found.name) < PATH_MAX &&
		    mark_file(path, options, &found.mark))
			fn(&found, data);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

static int scan_pattern(const struct source *source, const struct emperor_options *options,
			void (*fn)(const struct found *found, void *data), void *data)
{
	glob_t matches;
	int failed = glob(source->path, 0, NULL, &matches);
	if (failed)
		return failed == GLOB_NOMATCH ? 0 : failed == GLOB_NOSPACE ? -ENOMEM : -EIO;
	for (size_t i = 0; i < matches.gl_pathc; i++) {
		struct found found = { .path = matches.gl_pathv[i], .name = matches.gl_pathv[i] };
		found.format = source_format(found.name, &options->extensions);
		if (found.format && mark_file(found.path, options, &found.mark))
			fn(&found, data);
	}
	globfree(&matches);
	return 0;
}

int source_scan(const struct source *source, const struct emperor_options *options,
		void (*fn)(const struct found *found, void *data), void *data)
{
	return (source->is_glob ? scan_pattern : scan_directory)(source, options, fn, data);
}
