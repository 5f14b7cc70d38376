/* source_parts.h - what sources.c and source_types.c share. */
#ifndef KERNEL_SOURCE_PARTS_H
#define KERNEL_SOURCE_PARTS_H

#include "sources.h"

#include <stdbool.h>

struct source_item {
	struct uwsgi_timer timer; /* first: the timer of a TIMER is the item */
	struct sources *sources;
	struct uwsgi_source source;    /* as it was added */
	int64_t left;		       /* TIMER: how often still, -1: for ever */
	bool lasting;		       /* as long as its generation; else as long as it has loaders */
	struct source_loader *loaders; /* whose loading added it, one of a place */
	size_t loader_count;
	uint64_t next_ms;	 /* TIMER: when it is due, 0: it never was armed */
	uint64_t runs, failures; /* raised, refused */
	uint64_t last_us;	 /* 0: neither */
	struct probe *probe;	 /* PROBE */
	bool down;		 /* PROBE: what the image before knew */
	struct source_item *next;
};

struct sources {
	struct uwsgi_loop *loop;
	unsigned generation;
	bool running;
	struct source_item *items;
	struct uwsgi_timer minute; /* for all crons; armed while there are some */
	_Atomic int64_t *seen;
	struct watch_files *files; /* made with the first */
	int (*raise)(void *data, uint8_t number);
	void *data;
};

/* What one type of source does.  NULL: nothing. */
struct source_type {
	bool (*is_valid)(const struct uwsgi_source *source);
	int (*open)(struct source_item *item); /* 0 or -errno */
	void (*close)(struct source_item *item);
	void (*start)(struct source_item *item);
	void (*stop)(struct source_item *item);
	uint64_t (*next_us)(const struct source_item *item); /* of the epoch; 0: never */
};
/* NULL: there is no such type. */
const struct source_type *source_type(uint8_t type);

#endif
