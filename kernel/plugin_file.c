/* plugin_file.c - from the file of a plugin to its table, each step with its own message.
 *
 * Read the ABI note, and only then load the file; find its table, and copy as much as both sides know.  The only place
 * that loads plugins. */
#include "plugin_file.h"

#include "plugin_abi.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/log.h>

static int refuse(const char *name, const char *why)
{
	uwsgi_log("uwsgi: plugin %s: %s\n", name, why);
	return -ENOEXEC;
}

/* Read the note; the plugin's code does not run. */
static int check_abi(const char *name, const char *path, struct uwsgi_abi *abi_r)
{
	static const char *const reasons[] = {
		[-ABI_NOTE_NONE] = "has no ABI note: was it built with <uwsgi.h>?",
		[-ABI_NOTE_MALFORMED] = "is no complete ELF object of this machine",
		[-ABI_NOTE_MIXED] = "was built from two different versions of <uwsgi.h>: rebuild all of it",
	};
	struct stat st;
	char text[160];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1) {
		if (fd != -1)
			close(fd);
		return refuse(name, strerror(errno));
	}
	void *image = st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	close(fd);
	enum abi_note note = ABI_NOTE_MALFORMED;
	if (image != MAP_FAILED) {
		note = abi_read(image, (size_t)st.st_size, abi_r);
		munmap(image, (size_t)st.st_size);
	}
	if (note != ABI_NOTE_FOUND)
		return refuse(name, reasons[-note]);
	const char *why = abi_refuse(abi_r, text, sizeof text);
	return why ? refuse(name, why) : 0;
}

static int explain_dlerror(const char *name)
{
	const char *why = dlerror(), *symbol = why ? strstr(why, "undefined symbol: uwsgi_") : NULL;
	if (!symbol)
		return refuse(name, why ? why : "cannot be loaded");
	char text[256];
	snprintf(text, sizeof text, "needs %s, which this kernel does not provide: rebuild it or use a newer kernel",
		 symbol + sizeof "undefined symbol: " - 1);
	return refuse(name, text);
}

void plugin_file_symbol(const char *path, char *symbol, size_t size)
{
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	size_t n = strcspn(base, ".");
	snprintf(symbol, size, "%.*s", (int)n, base);
}

static const void *find_table(const char *name, const char *path, void *handle)
{
	char symbol[256], target[PATH_MAX], why[400];
	plugin_file_symbol(path, symbol, sizeof symbol);
	const void *table = dlsym(handle, symbol);
	if (!table && realpath(path, target)) { /* a symbolic link: the file knows its own name */
		plugin_file_symbol(target, symbol, sizeof symbol);
		table = dlsym(handle, symbol);
	}
	Dl_info info;
	char real[PATH_MAX];
	if (table && dladdr(table, &info) && realpath(info.dli_fname, real) && realpath(path, target) &&
	    strcmp(real, target))
		table = NULL; /* a library it depends on happens to have the name */
	if (!table) {
		snprintf(why, sizeof why,
			 "exports no %s: is the table named after the file, and built without -fvisibility=hidden?",
			 symbol);
		refuse(name, why);
	}
	return table;
}

/* Copy what both sides know.  -E2BIG: theirs says something in a field we do not have. */
static int copy_table(struct uwsgi_plugin *to, const unsigned char *from, size_t size)
{
	for (size_t i = sizeof *to; i < size; i++)
		if (from[i])
			return -E2BIG;
	*to = (struct uwsgi_plugin){ 0 };
	memcpy(to, from, size < sizeof *to ? size : sizeof *to);
	return 0;
}

int plugin_file_load(struct plugin_file *file_r, const char *name, const char *path)
{
	int failed = check_abi(name, path, &file_r->abi);
	if (failed)
		return failed;
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return explain_dlerror(name);
	const void *table = find_table(name, path, handle);
	if (!table)
		return -ENOEXEC;
	if (copy_table(&file_r->table, table, file_r->abi.plugin_size))
		return refuse(name, "uses a field this kernel does not know: use a newer kernel");
	return file_r->table.name ? 0 : refuse(name, "its table has no name");
}
