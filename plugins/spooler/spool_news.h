/* spool_news.h - how a process learns of tasks: by name, as they come, and from a look at the whole directory.
 *
 * The look is for the start, for when names were lost, and for what is not told (another host's files, a file of
 * another server that was being written). */
#ifndef SPOOL_NEWS_H
#define SPOOL_NEWS_H

#include "spool_dir.h"
#include "spool_queue.h"

struct spool_news_dir {
	int wd;
	char prefix[16]; /* "", "7/" */
};

struct spool_news {
	struct spool_dir *dir; /* may be closed, and is opened by a look */
	struct spool_queue *queue;
	int fd; /* readable when there are names; -1: none are told */
	/* private */
	struct spool_news_dir *dirs; /* whose names are told: the directory's and priorities' */
	size_t count, room;
	bool out_of_memory;
};

/* 0, or a negative errno: looks still work. */
int spool_news_open(struct spool_news *news_r, struct spool_dir *dir, struct spool_queue *queue);
void spool_news_close(struct spool_news *news);
/* Queue the tasks that were told.  True when there may be others: then it is time to look. */
bool spool_news_take(struct spool_news *news);
/* Queue all tasks of the directory.  0 or a negative errno; -ENOMEM: not all. */
int spool_news_look(struct spool_news *news);

#endif
