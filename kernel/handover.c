/* handover.c - the list of what is kept: one line an item, "fd TAB name TAB text", in a memory file.  Names and texts
 * are the operator's: their tabs, newlines and backslashes are written as \t, \n and \\. */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/shm.h>

struct item {
	char *name, *text;
	int fd;
	bool claimed; /* or kept by this image */
};

struct handover {
	struct item *items;
	size_t count;
	bool taken, trial;
};

static void set_cloexec(int fd, bool on)
{
	int flags = fd == -1 ? -1 : fcntl(fd, F_GETFD);
	if (flags != -1)
		fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC);
}

static struct item *find(const struct handover *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++)
		if (!strcmp(h->items[i].name, name))
			return &h->items[i];
	return NULL;
}

static struct item *add(struct handover *h, const char *name)
{
	struct item *items = reallocarray(h->items, h->count + 1, sizeof *items);
	if (!items)
		return NULL;
	h->items = items;
	items[h->count] = (struct item){ .name = strdup(name), .text = strdup(""), .fd = -1 };
	if (!items[h->count].name || !items[h->count].text)
		return NULL;
	return &items[h->count++];
}

static void forget(struct handover *h, struct item *item)
{
	free(item->name);
	free(item->text);
	*item = h->items[--h->count];
}

static const char escaped[] = "\t\n\\", letters[] = "tn\\";

static void write_escaped(FILE *file, const char *text)
{
	for (; *text; text++) {
		const char *special = strchr(escaped, *text);
		if (special)
			fputc('\\', file);
		fputc(special ? letters[special - escaped] : *text, file);
	}
}

static void unescape(char *text)
{
	char *to = text;
	for (; *text; text++) {
		const char *letter = *text == '\\' && text[1] ? strchr(letters, text[1]) : NULL;
		*to++ = letter ? escaped[letter - letters] : *text;
		text += letter != NULL;
	}
	*to = 0;
}

/* A line that is not ours ends the reading: what it would have named is closed by nobody, which only leaks. */
static bool read_item(struct handover *h, char *line)
{
	char *name = strchr(line, '\t'), *text = name ? strchr(name + 1, '\t') : NULL;
	if (!text)
		return false;
	*name++ = *text++ = 0;
	text[strcspn(text, "\n")] = 0;
	unescape(name);
	unescape(text);
	int fd = atoi(line);
	if (handover_keep(h, name, fd, text))
		return false;
	find(h, name)->claimed = false;
	set_cloexec(fd, true);
	return true;
}

static void read_items(struct handover *h, int fd)
{
	FILE *file = fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;
	if (!file)
		return;
	rewind(file);
	while (getline(&line, &size, file) > 0 && read_item(h, line))
		h->taken = true;
	free(line);
	fclose(file);
}

struct handover *handover_create(void)
{
	struct handover *h = calloc(1, sizeof *h);
	const char *number = getenv(HANDOVER_ENV);
	if (!h)
		return NULL;
	h->trial = getenv(HANDOVER_TRIAL) != NULL;
	if (number)
		read_items(h, atoi(number));
	unsetenv(HANDOVER_ENV);
	unsetenv(HANDOVER_TRIAL);
	return h;
}

bool handover_taken(const struct handover *h)
{
	return h->taken;
}

bool handover_is_trial(const struct handover *h)
{
	return h->trial;
}

int handover_keep(struct handover *h, const char *name, int fd, const char *text)
{
	struct item *item = find(h, name);
	char *copy = strdup(text);
	if (!item)
		item = add(h, name);
	if (!item || !copy) {
		free(copy);
		return -ENOMEM;
	}
	free(item->text);
	item->text = copy;
	item->fd = fd;
	item->claimed = true;
	return 0;
}

void handover_drop(struct handover *h, const char *name)
{
	struct item *item = find(h, name);
	if (item)
		forget(h, item);
}

bool handover_claim(struct handover *h, const char *name, int *fd_r, const char **text_r)
{
	struct item *item = find(h, name);
	if (!item || item->claimed)
		return false;
	item->claimed = true;
	if (fd_r)
		*fd_r = item->fd;
	if (text_r)
		*text_r = item->text;
	return true;
}

const char *handover_unclaimed(const struct handover *h, const char *prefix)
{
	size_t n = strlen(prefix);
	for (size_t i = 0; i < h->count; i++)
		if (!h->items[i].claimed && !strncmp(h->items[i].name, prefix, n))
			return h->items[i].name + n;
	return NULL;
}

void handover_finish(struct handover *h)
{
	for (size_t i = h->count; i-- > 0;) {
		if (h->items[i].claimed)
			continue;
		if (h->items[i].fd != -1)
			close(h->items[i].fd);
		forget(h, &h->items[i]);
	}
}

void *handover_memory(struct handover *h, const char *name, size_t size)
{
	char item[128], label[128];
	struct stat st;
	int fd = -1;
	if (!h)
		return uwsgi_shm_alloc(size);
	snprintf(item, sizeof item, "memory %s", name);
	snprintf(label, sizeof label, "uwsgi-%s", name);
	if (handover_claim(h, item, &fd, NULL) && (fstat(fd, &st) == -1 || (size_t)st.st_size != size)) {
		close(fd);
		fd = -1;
	}
	if (fd == -1) {
		fd = memfd_create(label, MFD_CLOEXEC);
		if (fd == -1 || ftruncate(fd, (off_t)size) == -1 || handover_keep(h, item, fd, ""))
			return NULL;
	}
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

void handover_unseal(struct handover *h, int fd)
{
	for (size_t i = 0; i < h->count; i++)
		set_cloexec(h->items[i].fd, true);
	close(fd);
}

void handover_forget_memory(struct handover *h, const char *name)
{
	char item[128];
	snprintf(item, sizeof item, "memory %s", name);
	const struct item *kept = find(h, item);
	if (!kept)
		return;
	close(kept->fd);
	handover_drop(h, item);
}

static int write_items(const struct handover *h, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *file = copy == -1 ? NULL : fdopen(copy, "w");
	if (!file) {
		int failed = -errno;
		if (copy != -1)
			close(copy);
		return failed;
	}
	for (size_t i = 0; i < h->count; i++) {
		if (!h->items[i].claimed)
			continue;
		fprintf(file, "%d\t", h->items[i].fd);
		write_escaped(file, h->items[i].name);
		fputc('\t', file);
		write_escaped(file, h->items[i].text);
		fputc('\n', file);
	}
	bool failed = ferror(file);
	return fclose(file) == EOF || failed ? -ENOSPC : 0;
}

int handover_seal(struct handover *h)
{
	int fd = memfd_create("uwsgi-handover", 0);
	if (fd == -1)
		return -errno;
	int failed = write_items(h, fd);
	for (size_t i = 0; i < h->count && !failed; i++)
		if (h->items[i].claimed)
			set_cloexec(h->items[i].fd, false);
	if (!failed)
		return fd;
	close(fd);
	return failed;
}
