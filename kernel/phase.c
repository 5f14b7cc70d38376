/* phase.c - see phase.h.
 *
 * hook-PHASE takes any action.  The older families take the arguments of one action each, and run after the hooks of
 * their phase, family by family in the order of their table.  The options are made from the two tables. */
#include "phase.h"

#include "action.h"
#include "option.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uwsgi/log.h>

enum { HOOK, EXEC, MOUNT, UMOUNT, CALL, FAMILIES };
static const struct family {
	const char *name, *action, *help; /* action NULL: the value names it */
} families[] = {
	[HOOK] = { "hook", NULL, "action (docs/hooks.md)" },
	[EXEC] = { "exec", "exec", "shell command" },
	[MOUNT] = { "mount", "mount", "\"type source directory flags\" to mount" },
	[UMOUNT] = { "umount", "umount", "directory to unmount" },
	[CALL] = { "call", "call", "C function to call" },
};

#define HOOKS_ONLY (1u << HOOK)
#define RUNS (1u << HOOK | 1u << EXEC | 1u << CALL)
#define ALL (RUNS | 1u << MOUNT | 1u << UMOUNT)

static const struct row {
	const char *name, *help;
	unsigned families;
	bool fatal;
} phases_table[] = {
	[PHASE_ASAP] = { "asap", "when the configuration was read", ALL, true },
	[PHASE_PRE_JAIL] = { "pre-jail", "before namespaces and root directory change", ALL, true },
	[PHASE_POST_JAIL] = { "post-jail", "after they changed; outside of a new namespace of pids", ALL, true },
	[PHASE_IN_JAIL] = { "in-jail", "after they changed, inside", ALL, true },
	[PHASE_AS_ROOT] = { "as-root", "before sockets are bound and privileges dropped", ALL, true },
	[PHASE_AS_USER] = { "as-user", "after privileges were dropped", RUNS, true },
	[PHASE_AS_USER_EXIT] = { "as-user-atexit", "at the end of the server", RUNS, false },
	[PHASE_PRE_APP] = { "pre-app", "before each loading of the application", RUNS, true },
	[PHASE_POST_APP] = { "post-app", "after each loading of the application", RUNS, true },
	[PHASE_POST_FORK] = { "post-fork", "in each worker, first of all", HOOKS_ONLY, true },
	[PHASE_AS_GATEWAY] = { "as-gateway", "in each gateway and what else the master forks itself", HOOKS_ONLY,
			       true },
	[PHASE_ACCEPTING] = { "accepting", "in each worker that begins to accept", HOOKS_ONLY, false },
	[PHASE_ACCEPTING_1] = { "accepting1", "in worker 1 when it begins to accept", HOOKS_ONLY, false },
	[PHASE_ACCEPTING_ONCE] = { "accepting-once", "as accepting, not in the place of a worker that ended",
				   HOOKS_ONLY, false },
	[PHASE_ACCEPTING_1_ONCE] = { "accepting1-once", "as accepting1, not in the place of a worker that ended",
				     HOOKS_ONLY, false },
	[PHASE_MASTER_START] = { "master-start", "in the master when it starts and after each reload", HOOKS_ONLY,
				 true },
};

struct list {
	const struct family *family;
	struct action *actions;
	size_t n;
};

struct phases {
	struct list lists[PHASES][FAMILIES];
};

/* ---- what is done ---- */

static int run_one(const struct list *list, const struct action *action, const struct row *row)
{
	char why[ACTION_WHY];
	int failed = action_run(action, row->name, true, why);
	const char *text = action->is_private ? "(private)" : action->text;
	if (failed && row->fatal) {
		uwsgi_log("FATAL hook failed, destroying instance\n");
		uwsgi_cause("%s-%s = %s: %s", list->family->name, row->name, text, why);
	} else if (failed) {
		uwsgi_log("uwsgi: %s-%s = %s failed: %s\n", list->family->name, row->name, text, why);
	}
	return row->fatal ? failed : 0;
}

int phase_run(const struct phases *phases, enum phase phase)
{
	for (int family = 0; family < FAMILIES; family++) {
		const struct list *list = &phases->lists[phase][family];
		for (size_t i = 0; i < list->n; i++) {
			int failed = run_one(list, &list->actions[i], &phases_table[phase]);
			if (failed)
				return failed;
		}
	}
	return 0;
}

void phase_run_accepting(const struct phases *phases, int number, int respawns)
{
	phase_run(phases, PHASE_ACCEPTING);
	if (!respawns)
		phase_run(phases, PHASE_ACCEPTING_ONCE);
	if (number == 1)
		phase_run(phases, PHASE_ACCEPTING_1);
	if (number == 1 && !respawns)
		phase_run(phases, PHASE_ACCEPTING_1_ONCE);
}

/* ---- options ---- */

static int apply(const char *key, const char *value, void *data)
{
	struct list *list = data;
	struct action action, *all = reallocarray(list->actions, list->n + 1, sizeof *all);
	char *text = strdup(value);
	if (!all || !text)
		return -ENOMEM;
	list->actions = all;
	int failed =
		list->family->action ? action_make(list->family->action, text, &action) : action_parse(text, &action);
	if (failed)
		return action_refuse(key, value, failed);
	list->actions[list->n++] = action;
	return 0;
}

static int fill_row(struct uwsgi_option *option, struct list *list, const struct family *family, const struct row *row)
{
	char *name, *help;
	if (asprintf(&name, "%s-%s", family->name, row->name) == -1 ||
	    asprintf(&help, "%s, %s", family->help, row->help) == -1)
		return -ENOMEM;
	list->family = family;
	*option = (struct uwsgi_option){
		.name = name, .type = UWSGI_OPT_CALL, .apply = apply, .data = list, .group = "hooks", .help = help
	};
	return 0;
}

struct phases *phases_register(struct option_registry *options)
{
	struct phases *phases = calloc(1, sizeof *phases);
	struct uwsgi_option *rows = calloc(PHASES * FAMILIES + 1, sizeof *rows);
	size_t n = 0;
	if (!phases || !rows)
		return NULL;
	for (int family = 0; family < FAMILIES; family++)
		for (int phase = 0; phase < PHASES; phase++)
			if (phases_table[phase].families & 1u << family &&
			    fill_row(&rows[n++], &phases->lists[phase][family], &families[family],
				     &phases_table[phase]))
				return NULL;
	int failed = option_register(options, "the kernel", rows, sizeof *rows, NULL); /* which copies them */
	free(rows);
	return failed ? NULL : phases;
}
