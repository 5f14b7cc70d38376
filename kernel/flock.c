/* flock.c - see flock.h. */
#include "flock.h"

#include "handover.h"
#include "option.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <uwsgi/log.h>

struct form {
	bool waits;
	enum flock_when when;
};

static struct wanted {
	const char *option, *path;
	const struct form *form;
} * wanted;
static size_t wanted_count;

static int apply(const char *key, const char *value, void *data)
{
	for (size_t i = 0; i < wanted_count; i++)
		if (!strcmp(wanted[i].path, value))
			return 0; /* opened again it would wait for itself */
	struct wanted *all = reallocarray(wanted, wanted_count + 1, sizeof *all);
	if (!all)
		return -ENOMEM;
	wanted = all;
	wanted[wanted_count] = (struct wanted){ strdup(key), strdup(value), data };
	if (!wanted[wanted_count].option || !wanted[wanted_count].path)
		return -ENOMEM;
	wanted_count++;
	return 0;
}

int flock_register(struct option_registry *options)
{
	static const struct form first = { false, FLOCK_FIRST }, first_wait = { true, FLOCK_FIRST },
				 later = { false, FLOCK_LATER }, later_wait = { true, FLOCK_LATER };
#define ROW(NAME, FORM, HELP)                                                                                          \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_CALL, .apply = apply, .data = (void *)&FORM, .help = HELP,             \
		.group = "processes"                                                                                   \
	}
	static const struct uwsgi_option rows[] = {
		ROW("flock", first,
		    "hold a lock on this file as long as the server lives; do not start when somebody has it"),
		ROW("flock-wait", first_wait, "the same, and wait for it"),
		ROW("flock2", later, "as flock, after the log was opened and the terminal left"),
		ROW("flock-wait2", later_wait, "the same, and wait for it"),
		{ 0 },
	};
	return option_register(options, "the kernel", rows, sizeof *rows, NULL);
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	/* not at once: the system refuses O_CREAT on another user's file in /tmp */
	if (fd == -1 && errno == ENOENT)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_CREAT, 0600);
	return fd == -1 ? -errno : fd;
}

static int lock(int fd, const struct wanted *w, bool waits)
{
	int result = flock(fd, LOCK_EX | LOCK_NB);
	if (result == -1 && errno == EWOULDBLOCK && waits) {
		uwsgi_log("%s = %s: another process holds the lock on this file: waiting for its end\n", w->option,
			  w->path);
		do
			result = flock(fd, LOCK_EX);
		while (result == -1 && errno == EINTR);
	}
	return result == -1 ? -errno : 0;
}

static int take(struct handover *handover, const struct wanted *w, bool waits)
{
	char name[PATH_MAX + 8];
	snprintf(name, sizeof name, "flock %s", w->path);
	if (handover_claim(handover, name, NULL, NULL))
		return 0;
	int fd = open_file(w->path);
	int failed = fd < 0 ? fd : lock(fd, w, waits);
	if (!failed)
		failed = handover_keep(handover, name, fd, "");
	if (!failed)
		return 0;
	if (fd >= 0)
		close(fd);
	uwsgi_cause("%s = %s: %s", w->option, w->path,
		    failed == -EWOULDBLOCK ? "another process holds the lock on this file" : strerror(-failed));
	return failed;
}

int flock_take(struct handover *handover, enum flock_when when)
{
	int failed = 0;
	for (size_t i = 0; i < wanted_count && !failed; i++)
		if (when == FLOCK_RELOAD || wanted[i].form->when == when)
			failed = take(handover, &wanted[i], wanted[i].form->waits && when != FLOCK_RELOAD);
	return failed;
}
