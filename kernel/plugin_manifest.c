/* plugin_manifest.c - reading manifests: small text files written beside each plugin when it was built. */
#include "plugin_manifest.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX "_plugin.manifest"

static int is_manifest(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name), s = sizeof SUFFIX - 1;
	return n > s && !strcmp(entry->d_name + n - s, SUFFIX);
}

static bool has_line(const char *path, const char *what, const char *name)
{
	char *line = NULL;
	size_t what_len = strlen(what), room = 0;
	bool found = false;
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && getline(&line, &room, file) != -1) {
		line[strcspn(line, "\n")] = 0;
		found = !strncmp(line, what, what_len) && line[what_len] == ' ' && !strcmp(line + what_len + 1, name);
	}
	free(line);
	fclose(file);
	return found;
}

bool manifest_find(const char *dir, const char *what, const char *name, char *path_r, size_t size)
{
	struct dirent **entries;
	bool found = false;
	int count = scandir(dir, &entries, is_manifest, alphasort);
	for (int i = 0; i < count; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
		if (!found && has_line(path, what, name)) {
			size_t stem = strlen(path) - (sizeof ".manifest" - 1);
			found = snprintf(path_r, size, "%.*s.so", (int)stem, path) < (int)size;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return found;
}
