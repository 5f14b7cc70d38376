/* spool_hand.c - see spool_hand.h.  The first byte of the page says whether the rest counts. */
#include "spool_hand.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uwsgi/loop.h>

#define PAGE 4096

struct page {
	_Atomic char taken;
	char path[PAGE - 1];
};

struct spool_hand {
	int fd;
	struct page *page;
	char name[64];
};

static struct page *map(int fd)
{
	struct page *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return page == MAP_FAILED ? NULL : page;
}

struct spool_hand *spool_hand_open(const struct spool_dir *dir)
{
	struct spool_hand *hand = calloc(1, sizeof *hand);
	if (!hand)
		return NULL;
	/* it gets its name when it is locked and whole: what others find under one is a living or a dead process' */
	char aside[sizeof hand->name];
	unsigned long long now = uwsgi_micros();
	snprintf(hand->name, sizeof hand->name, SPOOL_HAND "%d_%llu", (int)getpid(), now);
	snprintf(aside, sizeof aside, SPOOL_NEW "hand_%d_%llu", (int)getpid(), now);
	hand->fd = openat(dir->state, aside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* written, not only made longer: a full disk must be told here, and not by a signal later */
	static const char zeros[PAGE];
	if (hand->fd != -1 && spool_lock(hand->fd) == 0 && pwrite(hand->fd, zeros, PAGE, 0) == PAGE)
		hand->page = map(hand->fd);
	if (hand->page && renameat(dir->state, aside, dir->state, hand->name) == 0)
		return hand;
	int error = errno;
	unlinkat(dir->state, aside, 0);
	spool_hand_close(&hand, dir);
	errno = error;
	return NULL;
}

void spool_hand_close(struct spool_hand **hand, const struct spool_dir *dir)
{
	if (!*hand)
		return;
	if ((*hand)->page)
		munmap((*hand)->page, PAGE);
	if ((*hand)->fd != -1) {
		unlinkat(dir->state, (*hand)->name, 0);
		close((*hand)->fd);
	}
	free(*hand);
	*hand = NULL;
}

void spool_hand_take(struct spool_hand *hand, const char *path)
{
	snprintf(hand->page->path, sizeof hand->page->path, "%s", path);
	atomic_store(&hand->page->taken, 1);
}

void spool_hand_put(struct spool_hand *hand)
{
	atomic_store(&hand->page->taken, 0);
}

const char *spool_hand_has(const struct spool_hand *hand)
{
	return atomic_load(&hand->page->taken) ? hand->page->path : NULL;
}

struct heirs {
	const struct spool_dir *dir;
	void (*left)(const char *path, void *data);
	void *data;
};

static void inherit_one(const char *name, void *data)
{
	const struct heirs *heirs = data;
	char text[PAGE + 1];
	int fd = openat(heirs->dir->state, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return;
	if (spool_lock(fd) == 0) {
		unlinkat(heirs->dir->state, name, 0);
		ssize_t n = pread(fd, text, PAGE, 0);
		text[PAGE] = 0;
		if (n == PAGE && text[0])
			heirs->left(text + 1, heirs->data);
	}
	close(fd);
}

void spool_hand_inherit(const struct spool_dir *dir, void (*left)(const char *path, void *data), void *data)
{
	struct heirs heirs = { dir, left, data };
	(void)spool_dir_each_state(dir, SPOOL_HAND, inherit_one, &heirs);
}
