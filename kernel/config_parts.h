/* config_parts.h - what the files of the configuration share: entries, their collection, and the small languages. */
#ifndef KERNEL_CONFIG_PARTS_H
#define KERNEL_CONFIG_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "config_known.h"
#include "config_magic.h"
#include "option.h"

/* What a key means.  Nothing set: it is a placeholder. */
struct config_target {
	const struct uwsgi_option *opt;
	const struct uwsgi_config_format
		*format;		  /* the key is the name of a file format: read the file named by the value */
	const struct known_option *known; /* upstream has it, we do not */
};

/* One key as it was given.  Entries are never removed and never move. */
struct config_entry {
	const char *key;
	const char *value; /* NULL: a flag without one */
	const char *where; /* "x.ini:7", "command line", "UWSGI_KEY" */
	struct config_target target;
	bool from_environment;
	bool expanded, applied;
	bool used; /* somebody referred to it, or it was declared to be a placeholder */
};

/* A for or if block: what is collected while one is open passes through it. */
struct config_block {
	bool open, loop;
	bool keep;		    /* if: the condition held */
	const char *tested;	    /* if: what %(_) stands for; NULL: it stays */
	struct uwsgi_strings words; /* for: the elements */
};

/* What the command line asked to be done instead of, or before, starting. */
struct config_actions {
	bool check, explain, show_config, dump_options, version, help, markdown;
	const char *help_group;
	struct uwsgi_strings get;
};

struct config {
	struct config_host host;
	struct config_entry **entries;
	size_t n, cap;
	struct known_list known;
	struct config_actions actions;
	struct config_block block;
	const char *where;     /* of the entry in hand */
	bool from_environment; /* entries collected now come from there */
	bool strict;
	struct uwsgi_strings blacklist, whitelist;
	bool blacklisted, whitelisted;	/* the lists above are in force */
	struct config_file first, last; /* files named so far: for the magic letters and for ":section" */
	struct uwsgi_strings files;	/* those named outside of files, as they were given */
	int depth;			/* files being read inside of each other */
	int result;			/* 0: go on; CONFIG_DONE; negative: exit status */
};

enum { CONFIG_MAX_DEPTH = 32 };

#define CONFIG_GROUP "configuration" /* heading of the options of the configuration itself, and of its formats */

/* Log "where: message" and give up with status 1.  Returns -1. */
int config_fail(struct config *config, const char *fmt, ...) UWSGI_PRINTF(2, 3);

/* config_collect.c */
struct config_target config_lookup(struct config *config, const char *key);
/* Take one key through blocks and guards into the list; immediate options are applied.  0 or -1. */
int config_collect(struct config *config, const char *key, const char *value, const char *where);
/* The same for "key=value" text; -1 without a '='. */
int config_collect_pair(struct config *config, const char *pair, const char *where);
int config_apply_entry(struct config *config, struct config_entry *entry);
/* First entry of that key, or NULL. */
struct config_entry *config_first(const struct config *config, const char *key);
struct config_entry *config_last(const struct config *config, const char *key);

/* config_file.c: read "name", "name:section" or ":section"; the format is found by suffix when NULL. */
int config_load(struct config *config, const char *spec, const struct uwsgi_config_format *format);
int config_load_ini(struct config *config, const char *spec);
/* A word of the command line that is no option: its ending must say what it is. */
int config_load_positional(struct config *config, const char *arg);

/* config_claim.c: the option that takes a word of the command line that is no option, or NULL. */
const struct uwsgi_option *config_claimant(const struct config *config, const char *word);

/* config_argv.c */
int config_read_environment(struct config *config);
int config_read_argv(struct config *config, int argc, char **argv);

/* config_logic.c */
int config_logic_register(struct config *config);
bool config_logic_is_control(const struct uwsgi_option *opt);

/* config_directive.c */
int config_directive_register(struct config *config);

/* config_print.c */
void config_print_actions(struct config *config);
void config_print_show(const struct config *config);
void config_print_help(struct config *config);
void config_print_markdown(struct config *config);
void config_warn_unknown(struct config *config);
/* The option (there or only known) that a mistyped word may mean, or NULL. */
const char *config_nearest(const struct config *config, const char *word);

#endif
