/* kernel.h - the parts of the server, for the files that tie them together. */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "verdict.h"

#include <uwsgi/source.h>

struct api_registry;
struct handed;
struct harakiri_settings;
struct patience_settings;
struct recycle_settings;
struct config;
struct handover;
struct hook_registry;
struct image;
struct jail;
struct limits;
struct listeners;
struct log_target;
struct option_registry;
struct phases;
struct plugins;
struct privs;
struct proc_slot;
struct proc_table;
struct reqlog_rings;
struct service_registry;
struct settings;
struct signal_bus;
struct signal_groups;
struct stats;
struct uwsgi_loop;
struct vassal;

struct kernel {
	struct settings *settings;
	struct harakiri_settings *harakiri;
	struct recycle_settings *recycle;
	struct patience_settings *patience;
	struct limits *limits;
	struct jail *jail;
	struct phases *phases;
	struct privs *privs;
	struct signal_groups *groups;
	struct option_registry *options;
	struct config *config;
	struct hook_registry *hooks;
	struct service_registry *services;
	struct api_registry *api;
	struct plugins *plugins;
	struct listeners *listeners;
	struct handed *handed; /* after the sockets were bound */
	struct proc_table *table;
	struct reqlog_rings *logs;
	struct log_target *log_target;
	struct server_shared *shared;
	struct vassal *vassal;
	struct handover *handover;
	struct image *image;

	/* this process */
	struct uwsgi_loop *loop;
	struct stats *stats;	/* [master] */
	struct signal_bus *bus; /* of its generation; NULL in main and without a master */
	struct proc_slot *slot; /* NULL in main, master and zygote */
	const char *role;	/* "main", "master", "zygote", or the name of its kind */
	bool loading;		/* the application, now */
	unsigned generation;
	int control_fd; /* [zygote] [its children] to the master; -1 without one */
	int life_fd;	/* readable when the master is gone; -1 without one */
	uint64_t started_us;
};

/* What every process must be able to see of the server; in shared memory that lives on over reloads.  Its name is how
 * another program recognises a server, see control.c. */
#define SERVER_MEMORY "server"
struct server_shared {
	_Atomic pid_t master_pid;	    /* 0 without a master */
	_Atomic unsigned loaded_generation; /* the newest whose application is loaded */
	_Atomic bool stopping;
	_Atomic bool hurry; /* ... and does not wait for requests */
	_Atomic bool paused;
	_Atomic bool term_reloads; /* compat: SIGTERM does not stop */
	struct verdict verdict;
	_Atomic int workers;		/* how many serve now, see scale.c */
	_Atomic int64_t cron_minute;	/* the last one that signals of cron were looked at for */
	_Atomic int64_t command_minute; /* and commands of cron */
};

/* What a zygote or its children tell the master, one datagram each. */
enum message_kind {
	MESSAGE_LOADED = 1, /* the application is loaded */
	MESSAGE_READY,	    /* a process has begun its work */
	MESSAGE_NOT_FORKED, /* the zygote could not fork what was ordered */
	MESSAGE_REPLACE,    /* a process wants a successor, and serves until it is told to end, or ends by itself */
	MESSAGE_ACCEPTING,  /* its accepting flag changed */
	MESSAGE_SOURCE,	    /* something that raises a signal was added */
};
#define ZYGOTE_PLACE (-1) /* among those of proc_place */
struct message {
	int kind;
	int value; /* LOADED: applications; SOURCE: place of the process; else index of the slot */
	unsigned generation;
	pid_t loader;		    /* SOURCE: the process whose loading of the application adds it; 0: none does */
	struct uwsgi_source source; /* SOURCE */
};
/* What the master tells a zygote. */
struct order {
	int slot; /* fork the process of this slot */
};

#endif
