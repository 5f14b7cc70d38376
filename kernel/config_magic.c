/* config_magic.c - the % letters: a file can say where it is and on what it runs.
 *
 * They are replaced in the text before it is parsed, so they work in keys, in sections and in immediate options.  A
 * letter without a meaning vanishes together with its percent sign, as ever. */
#include "config_magic.h"

#include <ctype.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Length of the directory, with its slash. */
static size_t dir_len(const char *path)
{
	return (size_t)(base_of(path) - path);
}

static void put_last_component(FILE *out, const char *path)
{
	size_t end = dir_len(path);
	while (end && path[end - 1] == '/')
		end--;
	size_t start = end;
	while (start && path[start - 1] != '/')
		start--;
	fwrite(path + start, 1, end - start, out);
}

static void put_component(FILE *out, const char *path, int wanted)
{
	const char *end = path + dir_len(path);
	for (const char *at = path; at < end;) {
		at += strspn(at, "/");
		if (at >= end)
			return;
		size_t len = strcspn(at, "/");
		if (wanted-- == 0) {
			fwrite(at, 1, len, out);
			return;
		}
		at += len;
	}
}

static uint32_t path_hash(const char *path)
{
	uint32_t h = 5381;
	for (; *path; path++)
		h = h * 33 ^ (unsigned char)*path;
	return h;
}

/* A lower case letter about one file; false when it is not one of these. */
static bool put_file_letter(FILE *out, char letter, const struct config_file *file)
{
	static const char known[] = "opsdcenxij";
	if (!letter || !strchr(known, letter))
		return false;
	if (!file->given)
		return true;
	const char *base = base_of(file->path), *dot = strrchr(base, '.');
	struct stat st;
	switch (letter) {
	case 'o':
		fputs(file->given, out);
		break;
	case 'p':
		fputs(file->path, out);
		break;
	case 's':
		fputs(base, out);
		break;
	case 'd':
		fwrite(file->path, 1, dir_len(file->path), out);
		break;
	case 'c':
		put_last_component(out, file->path);
		break;
	case 'e':
		fputs(dot ? dot + 1 : "", out);
		break;
	case 'n':
		fwrite(base, 1, dot ? (size_t)(dot - base) : strlen(base), out);
		break;
	case 'x':
		fputs(file->section, out);
		break;
	case 'i':
		if (!stat(file->path, &st))
			fprintf(out, "%llu", (unsigned long long)st.st_ino);
		break;
	case 'j':
		fprintf(out, "%08x", path_hash(file->path));
		break;
	}
	return true;
}

static void put_host_letter(FILE *out, char letter, const char *version)
{
	char text[PATH_MAX] = "";
	const struct passwd *user;
	const struct group *group;
	struct timeval now;
	switch (letter) {
	case 'v':
		fputs(getcwd(text, sizeof text) ? text : "", out);
		break;
	case 'h':
		gethostname(text, sizeof text - 1);
		fputs(text, out);
		break;
	case 'k':
		fprintf(out, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
		break;
	case 'b':
		if (readlink("/proc/self/exe", text, sizeof text - 1) > 0)
			fputs(text, out);
		break;
	case 'V':
		fputs(version ? version : "", out);
		break;
	case 't':
	case 'T':
		gettimeofday(&now, NULL);
		fprintf(out, "%lld", letter == 't' ? (long long)now.tv_sec : now.tv_sec * 1000000LL + now.tv_usec);
		break;
	case 'u':
		fprintf(out, "%u", getuid());
		break;
	case 'g':
		fprintf(out, "%u", getgid());
		break;
	case 'U':
		user = getpwuid(getuid());
		fputs(user ? user->pw_name : "", out);
		break;
	case 'G':
		group = getgrgid(getgid());
		fputs(group ? group->gr_name : "", out);
		break;
	}
}

/* What "%c" stands for. */
static void put(FILE *out, char c, const struct config_file *file, const struct config_file *first, const char *version)
{
	if (c == '%')
		fputc('%', out);
	else if (c == '[')
		fputc('\033', out);
	else if (isdigit((unsigned char)c))
		put_component(out, file->path, c - '0');
	else if (!isalpha((unsigned char)c))
		fprintf(out, "%%%c", c);
	else if (islower((unsigned char)c) ? put_file_letter(out, c, file)
					   : put_file_letter(out, (char)tolower((unsigned char)c), first))
		return;
	else
		put_host_letter(out, c, version);
}

char *config_magic(const char *text, size_t len, const struct config_file *file, const struct config_file *first,
		   const char *version, size_t *len_r)
{
	char *result = NULL;
	FILE *out = open_memstream(&result, len_r);
	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (text[i] != '%' || i + 1 == len)
			fputc(text[i], out);
		else
			put(out, text[++i], file, first, version);
	return fclose(out) ? (free(result), NULL) : result;
}
