/* command.c - see command.h. */
#include "command.h"

#include "action.h"
#include "handover.h"
#include "hook.h"
#include "option.h"
#include "pidfile.h"
#include "settings.h"
#include "shell.h"
#include "watch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwsgi/hook.h>
#include <uwsgi/log.h>

#define FIFOS_MAX 10 /* a digit switches between them */

struct commands {
	struct master *m;
	struct uwsgi_watch fifo; /* fd -1: none */
	int slot;		 /* of the FIFO that is open */
	struct watch_files *files;
};

/* Where the options put what they are given: a row has no other way to a part of the kernel. */
static struct {
	struct uwsgi_strings fifos;
	struct uwsgi_strings reload, brutal_reload, workers, chain, stop, exec, hook;
} wanted;

/* What plugins want: files that stand for processes of a kind. */
static struct {
	const char *path, *kind;
} * replaced;
static size_t replaced_count;

/* ---- letters ---- */

static void do_reload(struct master *m, char letter)
{
	master_reload(m, letter == 'c' ? MASTER_RELOAD_CHAIN : letter == 'R' ? MASTER_RELOAD_BRUTAL : MASTER_RELOAD);
}

static void do_workers(struct master *m, char letter)
{
	master_replace_workers(m, letter == 'W');
}

static void do_stop(struct master *m, char letter)
{
	master_stop(m, letter == 'Q');
}

static void do_pause(struct master *m, char letter)
{
	(void)letter;
	master_pause(m);
}

static void do_scale(struct master *m, char letter)
{
	if (letter == 'C')
		master_cheap(m);
	else
		master_grow(m, letter == '+' ? 1 : -1);
}

static void do_status(struct master *m, char letter)
{
	(void)letter;
	master_log_status(m);
}

static void do_pidfiles(struct master *m, char letter)
{
	(void)letter;
	pidfile_write_all(master_kernel(m)->settings);
}

static int visit_command(uwsgi_hook_fn *fn, void *data)
{
	((uwsgi_hook_command *)fn)(*(const char *)data);
	return 0;
}

/* What a plugin may have a use for. */
static void do_tell(struct master *m, char letter)
{
	hook_each(master_kernel(m)->hooks, UWSGI_HOOK_MASTER_COMMAND, visit_command, &letter);
}

static void do_log(struct master *m, char letter)
{
	(void)m;
	int failed = letter == 'L' ? uwsgi_log_rotate() : uwsgi_log_reopen();
	if (failed)
		uwsgi_log("uwsgi: the log cannot be %s: each process writes to it; log-master gives it to one\n",
			  letter == 'L' ? "rotated" : "opened again");
}

static const struct command {
	char letter;
	void (*fn)(struct master *m, char letter);
} commands[] = {
	{ 'r', do_reload },   { 'R', do_reload }, { 'c', do_reload }, { 'f', do_reload }, { 'w', do_workers },
	{ 'W', do_workers },  { 'q', do_stop },	  { 'Q', do_stop },   { 'p', do_pause },  { 's', do_status },
	{ 'P', do_pidfiles }, { '+', do_scale },  { '-', do_scale },  { 'C', do_scale },  { 'B', do_tell },
	{ 'E', do_tell },     { 'S', do_tell },	  { 'l', do_log },    { 'L', do_log },
};

void command_run(struct master *m, char letter)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (commands[i].letter == letter)
			commands[i].fn(m, letter);
}

/* ---- the FIFO ---- */

/* The one that was open before a reload. */
static int claim_fifo(struct commands *c)
{
	char name[PATH_MAX + 8];
	int fd = -1;
	for (size_t slot = 0; slot < wanted.fifos.n && fd == -1; slot++) {
		snprintf(name, sizeof name, "fifo %s", wanted.fifos.v[slot]);
		if (handover_claim(master_kernel(c->m)->handover, name, &fd, NULL))
			c->slot = (int)slot;
	}
	return fd;
}

static int open_fifo(struct commands *c, int slot)
{
	const char *path = wanted.fifos.v[slot];
	char name[PATH_MAX + 8];
	struct stat st;
	int fd = -1;
	snprintf(name, sizeof name, "fifo %s", path);
	c->slot = slot;
	if (lstat(path, &st) == 0 && S_ISFIFO(st.st_mode))
		unlink(path);
	/* both ends: it stays open when a writer leaves */
	if (mkfifo(path, 0600) == -1 || (fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)) == -1) {
		uwsgi_log("uwsgi: cannot open the master FIFO %s: %s; it takes no letters\n", path, strerror(errno));
		return -1;
	}
	handover_keep(master_kernel(c->m)->handover, name, fd, "");
	return fd;
}

static void close_fifo(struct commands *c)
{
	char name[PATH_MAX + 8];
	if (c->fifo.fd == -1)
		return;
	snprintf(name, sizeof name, "fifo %s", wanted.fifos.v[c->slot]);
	handover_drop(master_kernel(c->m)->handover, name);
	uwsgi_loop_remove(uwsgi_loop(), &c->fifo);
	close(c->fifo.fd);
	unlink(wanted.fifos.v[c->slot]);
	c->fifo.fd = -1;
}

/* The new one gets the old one's number: it is on the list of what only the master may hold. */
static void switch_fifo(struct commands *c, int slot)
{
	if ((size_t)slot >= wanted.fifos.n || slot == c->slot)
		return;
	int number = c->fifo.fd, before = c->slot;
	int fd = open_fifo(c, slot);
	c->slot = before;
	if (fd == -1)
		return;
	close_fifo(c);
	c->slot = slot;
	if (fd != number && dup3(fd, number, O_CLOEXEC) == number) {
		char name[PATH_MAX + 8];
		close(fd);
		fd = number;
		snprintf(name, sizeof name, "fifo %s", wanted.fifos.v[slot]);
		handover_keep(master_kernel(c->m)->handover, name, fd, "");
	}
	c->fifo.fd = fd;
	uwsgi_loop_add(uwsgi_loop(), &c->fifo, UWSGI_READ);
	uwsgi_log("active master fifo is now %s\n", wanted.fifos.v[slot]);
}

static void on_fifo(struct uwsgi_watch *watch, unsigned events)
{
	struct commands *c = watch->data;
	char letter;
	(void)events;
	while (c->fifo.fd != -1 && read(c->fifo.fd, &letter, 1) == 1) {
		if (letter >= '0' && letter <= '9')
			switch_fifo(c, letter - '0');
		else
			command_run(c->m, letter);
	}
}

/* ---- touched files ---- */

static const struct touch {
	const struct uwsgi_strings *paths;
	char letter;
	const char *news;
} touches[] = {
	{ &wanted.reload, 'r', "grace them all !!!" },	  { &wanted.brutal_reload, 'R', "brutal reload !!!" },
	{ &wanted.workers, 'w', "workers reload !!!" },	  { &wanted.chain, 'c', "chain reload !!!" },
	{ &wanted.stop, 'q', "gracefully stopping !!!" },
};

struct touched {
	struct commands *commands;
	const struct touch *touch; /* NULL: one of the following */
	const char *command;	   /* for a shell */
	const char *kind;	   /* whose processes are replaced */
	struct action action;	   /* without a row: there is none */
};

static void on_touch(const char *path, void *data)
{
	const struct touched *t = data;
	if (t->action.row) {
		char why[ACTION_WHY];
		if (action_run(&t->action, "touch", false, why))
			uwsgi_log("uwsgi: hook-touch of %s failed: %s\n", path, why);
		return;
	}
	if (t->kind) {
		uwsgi_log("*** %s has been touched... %ss reload !!! ***\n", path, t->kind);
		master_replace_kind(t->commands->m, t->kind);
		return;
	}
	if (!t->touch) {
		uwsgi_log("[uwsgi-touch-exec] running %s\n", t->command);
		pid_t pid = shell_run(t->command);
		if (pid < 0)
			uwsgi_log("[uwsgi-touch-exec] cannot run %s: %s\n", t->command, strerror(-pid));
		return;
	}
	uwsgi_log("*** %s has been touched... %s ***\n", path, t->touch->news);
	command_run(t->commands->m, t->touch->letter);
}

static void watch_one(struct commands *c, const char *path, struct touched what)
{
	struct touched *t = malloc(sizeof *t);
	if (!t)
		return;
	*t = what;
	t->commands = c;
	watch_file(c->files, path, on_touch, t);
}

static void watch_all(struct commands *c)
{
	for (size_t i = 0; i < replaced_count; i++)
		watch_one(c, replaced[i].path, (struct touched){ .kind = replaced[i].kind });
	for (size_t i = 0; i < sizeof touches / sizeof *touches; i++)
		for (size_t j = 0; j < touches[i].paths->n; j++)
			watch_one(c, touches[i].paths->v[j], (struct touched){ .touch = &touches[i] });
	for (size_t i = 0; i < wanted.exec.n; i++) {
		const char *space = strchr(wanted.exec.v[i], ' ');
		char *path = strndup(wanted.exec.v[i], (size_t)(space - wanted.exec.v[i]));
		if (path)
			watch_one(c, path, (struct touched){ .command = space + 1 });
	}
	for (size_t i = 0; i < wanted.hook.n; i++) {
		struct action action;
		const char *space = strchr(wanted.hook.v[i], ' ');
		char *path = strndup(wanted.hook.v[i], (size_t)(space - wanted.hook.v[i]));
		if (path && action_parse(space + 1, &action) == 0)
			watch_one(c, path, (struct touched){ .action = action });
	}
}

/* ---- options ---- */

static int append(struct uwsgi_strings *list, const char *value)
{
	const char **v = reallocarray(list->v, list->n + 1, sizeof *v);
	if (!v)
		return -ENOMEM;
	list->v = v;
	list->v[list->n] = strdup(value);
	return list->v[list->n++] ? 0 : -ENOMEM;
}

static int apply_fifo(const char *key, const char *value, void *data)
{
	struct uwsgi_strings *fifos = data;
	if (fifos->n == FIFOS_MAX) {
		uwsgi_log("%s = %s: there are %d already, a digit each\n", key, value, FIFOS_MAX);
		return -EINVAL;
	}
	return append(fifos, value);
}

static int apply_exec(const char *key, const char *value, void *data)
{
	const char *space = strchr(value, ' ');
	if (!space || space == value || !space[1]) {
		uwsgi_log("%s = %s: give a file, a space and a command\n", key, value);
		return -EINVAL;
	}
	return append(data, value);
}

static int apply_hook(const char *key, const char *value, void *data)
{
	const char *space = strchr(value, ' ');
	struct action action;
	if (space && action_parse(space + 1, &action) == 0)
		return apply_exec(key, value, data);
	uwsgi_log("%s = %s: give a file, a space and an action such as print:hello (docs/hooks.md)\n", key, value);
	return -EINVAL;
}

int command_register(struct option_registry *options)
{
#define TOUCH(NAME, FIELD, HELP)                                                                                       \
	{                                                                                                              \
		.name = NAME, .type = UWSGI_OPT_LIST, .value = &wanted.FIELD, .help = HELP, .group = "control"         \
	}
	static const struct uwsgi_option rows[] = {
		{ .name = "master-fifo",
		  .type = UWSGI_OPT_CALL,
		  .apply = apply_fifo,
		  .data = &wanted.fifos,
		  .group = "control",
		  .help = "take one-letter commands from this FIFO (repeatable: the digits 0-9 switch between them)" },
		TOUCH("touch-reload", reload, "reload when this file is touched"),
		TOUCH("fs-reload", reload, "the same as touch-reload"),
		TOUCH("fs-brutal-reload", brutal_reload, "reload without finishing requests when this file is touched"),
		TOUCH("touch-workers-reload", workers, "replace the workers when this file is touched"),
		TOUCH("touch-chain-reload", chain, "reload worker by worker when this file is touched"),
		TOUCH("touch-gracefully-stop", stop, "stop when this file is touched, after finishing requests"),
		{ .name = "touch-exec",
		  .type = UWSGI_OPT_CALL,
		  .apply = apply_exec,
		  .data = &wanted.exec,
		  .group = "control",
		  .help = "\"file command\": run the command in a shell when the file is touched" },
		{ .name = "hook-touch",
		  .type = UWSGI_OPT_CALL,
		  .apply = apply_hook,
		  .data = &wanted.hook,
		  .group = "hooks",
		  .help = "\"file action\" (docs/hooks.md), in the master when the file is touched; programs are not "
			  "waited for" },
		{ 0 },
	};
	return option_register(options, "the kernel", rows, sizeof *rows, NULL);
}

int command_replaces(const char *path, const char *kind)
{
	void *all = reallocarray(replaced, replaced_count + 1, sizeof *replaced);
	if (!all)
		return -ENOMEM;
	replaced = all;
	replaced[replaced_count].path = path;
	replaced[replaced_count++].kind = kind;
	return 0;
}

/* ---- open and close ---- */

struct commands *command_open(struct master *m, struct crew *crew)
{
	struct commands *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->m = m;
	c->fifo = (struct uwsgi_watch){ .fd = claim_fifo(c), .fn = on_fifo, .data = c };
	for (size_t slot = 0; slot < wanted.fifos.n && c->fifo.fd == -1; slot++)
		c->fifo.fd = open_fifo(c, (int)slot);
	if (c->fifo.fd != -1 && uwsgi_loop_add(uwsgi_loop(), &c->fifo, UWSGI_READ) == 0)
		crew_own_fd(crew, c->fifo.fd);
	c->files = watch_files_create(uwsgi_loop());
	if (c->files) {
		crew_own_fd(crew, watch_files_fd(c->files));
		watch_all(c);
	}
	return c;
}

void command_close(struct commands *c)
{
	if (c)
		close_fifo(c);
}
