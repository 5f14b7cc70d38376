/* action.c - see action.h: one row each, in the table at the end; those of files and mounts are in files of their own.
 */
#include "action_parts.h"

#include "option.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/hook.h>
#include <uwsgi/log.h>

struct action_row {
	const char *name;
	int (*fn)(struct call *call);
};

char *action_word(struct call *call)
{
	char *at = call->args + strspn(call->args, " ");
	size_t n = strcspn(at, " ");
	if (!n)
		return NULL;
	call->args = at[n] ? at + n + 1 : at + n;
	at[n] = 0;
	return at;
}

int action_misused(struct call *call, const char *usage)
{
	snprintf(call->why, ACTION_WHY, "it is written %s", usage);
	return -EINVAL;
}

int action_done(int result)
{
	return result == -1 ? -errno : 0;
}

/* ---- programs and functions ---- */

static _Noreturn void run_shell(const char *command)
{
	sigset_t none;
	sigemptyset(&none);
	for (int signum = 1; signum < NSIG; signum++)
		signal(signum, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int end_of(pid_t pid, char *why)
{
	int wstatus;
	while (waitpid(pid, &wstatus, 0) == -1)
		if (errno != EINTR)
			return -errno;
	if (wstatus == 0)
		return 0;
	if (WIFSIGNALED(wstatus))
		snprintf(why, ACTION_WHY, "it was killed by signal %d (%s)", WTERMSIG(wstatus),
			 strsignal(WTERMSIG(wstatus)));
	else
		snprintf(why, ACTION_WHY, "it ended with status %d", WEXITSTATUS(wstatus));
	return -ECHILD;
}

static int do_exec(struct call *call)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before); /* our handlers are not for the child */
	pid_t pid = fork();
	if (pid == 0)
		run_shell(call->args);
	int error = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid == -1)
		return -error;
	return call->wait ? end_of(pid, call->why) : 0;
}

static int do_safeexec(struct call *call)
{
	int failed = do_exec(call);
	if (failed)
		uwsgi_log("uwsgi: \"%s\" failed: %s\n", call->args, *call->why ? call->why : strerror(-failed));
	return 0;
}

static void *find_function(struct call *call)
{
	char *name = action_word(call);
	void *fn = name ? dlsym(RTLD_DEFAULT, name) : NULL;
	if (!fn)
		snprintf(call->why, ACTION_WHY, "there is no function \"%s\" in this program", name ? name : "");
	return fn;
}

static int returned(struct call *call, int result)
{
	if (result)
		snprintf(call->why, ACTION_WHY, "it returned %d", result);
	return result ? -ECANCELED : 0;
}

static int do_call(struct call *call)
{
	void *fn = find_function(call);
	if (fn && *call->args)
		((void (*)(const char *))fn)(call->args);
	else if (fn)
		((void (*)(void))fn)();
	return fn ? 0 : -ENOENT;
}

static int do_callret(struct call *call)
{
	void *fn = find_function(call);
	if (!fn)
		return -ENOENT;
	return returned(call, *call->args ? ((int (*)(const char *))fn)(call->args) : ((int (*)(void))fn)());
}

static int do_callint(struct call *call)
{
	void *fn = find_function(call);
	if (fn)
		((void (*)(int))fn)(atoi(call->args));
	return fn ? 0 : -ENOENT;
}

static int do_callintret(struct call *call)
{
	void *fn = find_function(call);
	return fn ? returned(call, ((int (*)(int))fn)(atoi(call->args))) : -ENOENT;
}

/* ---- this process and the machine ---- */

static int do_putenv(struct call *call)
{
	if (!strchr(call->args, '='))
		return action_misused(call, "putenv:NAME=VALUE");
	char *copy = strdup(call->args); /* the environment's from now on */
	return copy ? action_done(putenv(copy)) : -ENOMEM;
}

static int do_print(struct call *call)
{
	uwsgi_log("%s\n", call->args);
	return 0;
}

static int do_exit(struct call *call)
{
	fflush(NULL);
	_exit(atoi(call->args));
}

static int do_hostname(struct call *call)
{
	return action_done(sethostname(call->args, strlen(call->args)));
}

/* What the functions of uWSGI 2.0 that configurations name for a signal come to, and what the master listens to. */
static const struct {
	const char *function;
	char letter;
} meanings[] = {
	{ "gracefully_kill_them_all", 'q' },
	{ "kill_them_all", 'Q' },
	{ "grace_them_all", 'r' },
	{ "reap_them_all", 'R' },
	{ "stats", 's' },
	{ "suspend_resume_them_all", 'p' },
};
static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGTSTP };
static char letters[NSIG]; /* a signal's number is all its handler knows */

static int do_unix_signal(struct call *call)
{
	char *number = action_word(call), *function = action_word(call);
	bool heard = false;
	int signum = number ? atoi(number) : 0;
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		heard |= signals[i] == signum;
	if (!heard || !function)
		return action_misused(call, "unix_signal:NUMBER FUNCTION, with a signal the master listens to");
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (!strcmp(function, meanings[i].function)) {
			letters[signum] = meanings[i].letter;
			return 0;
		}
	snprintf(call->why, ACTION_WHY, "there is no function \"%s\" for signals", function);
	return -ENOENT;
}

char action_signal(int signum)
{
	return signum > 0 && signum < NSIG ? letters[signum] : 0;
}

/* ---- the table ---- */

static const struct action_row rows[] = {
	{ "cd", action_chdir },
	{ "chdir", action_chdir },
	{ "mkdir", action_mkdir },
	{ "putenv", do_putenv },
	{ "chmod", action_chmod },
	{ "sticky", action_sticky },
	{ "chown", action_chown },
	{ "chown2", action_chown },
	{ "exec", do_exec },
	{ "safeexec", do_safeexec },
	{ "create", action_create },
	{ "creat", action_create },
	{ "write", action_write },
	{ "writen", action_writen },
	{ "append", action_append },
	{ "appendn", action_appendn },
	{ "writefifo", action_writefifo },
	{ "spinningfifo", action_spinningfifo },
	{ "unlink", action_unlink },
	{ "mount", action_mount },
	{ "umount", action_umount },
	{ "call", do_call },
	{ "callret", do_callret },
	{ "callint", do_callint },
	{ "callintret", do_callintret },
	{ "hostname", do_hostname },
	{ "unix_signal", do_unix_signal },
	{ "wait_for_fs", action_wait_for_fs },
	{ "wait_for_file", action_wait_for_file },
	{ "wait_for_dir", action_wait_for_dir },
	{ "wait_for_socket", action_wait_for_socket },
	{ "print", do_print },
	{ "log", do_print },
	{ "exit", do_exit },
	{ 0 },
};

static const struct action_row *find(const char *name, size_t n)
{
	for (const struct action_row *row = rows; row->name; row++)
		if (!strncmp(row->name, name, n) && !row->name[n])
			return row;
	return NULL;
}

int action_parse(const char *text, struct action *action_r)
{
	bool is_private = *text == '!';
	const char *name = text + is_private, *colon = strchr(name, ':');
	if (!colon)
		return -EINVAL;
	const struct action_row *row = find(name, (size_t)(colon - name));
	if (!row)
		return -ENOENT;
	*action_r = (struct action){ row, text, colon + 1, is_private };
	return 0;
}

int action_make(const char *name, const char *args, struct action *action_r)
{
	const struct action_row *row = find(name, strlen(name));
	if (!row)
		return -ENOENT;
	*action_r = (struct action){ row, args, args, false };
	return 0;
}

int action_run(const struct action *action, const char *phase, bool wait, char why[ACTION_WHY])
{
	char *args = strdup(action->args);
	struct call call = { args, wait, why };
	*why = 0;
	if (!args)
		return -ENOMEM;
	if (action->is_private)
		uwsgi_log("running --- PRIVATE HOOK --- (%s)...\n", phase);
	else
		uwsgi_log("running \"%s\" (%s)...\n", action->text, phase);
	int failed = action->row->fn(&call);
	if (failed && !*why)
		snprintf(why, ACTION_WHY, "%s", strerror(-failed));
	free(args);
	return failed;
}

int action_refuse(const char *key, const char *text, int failed)
{
	if (failed == -EINVAL)
		uwsgi_log("%s = %s: invalid hook syntax, must be hook:args\n", key, text);
	else
		uwsgi_log("%s: hook action not found: %.*s\n", key, (int)strcspn(text, ":"), text);
	return failed;
}

/* ---- for plugins ---- */

int uwsgi_actions_apply(const char *key, const char *value, void *strings)
{
	struct action action;
	int failed = action_parse(value, &action);
	return failed ? action_refuse(key, value, failed) : strings_add(strings, value);
}

int uwsgi_actions_run(const struct uwsgi_strings *actions, const char *moment)
{
	int failed = 0;
	for (size_t i = 0; i < actions->n && !failed; i++) {
		struct action action;
		char why[ACTION_WHY] = "";
		failed = action_parse(actions->v[i], &action);
		if (!failed)
			failed = action_run(&action, moment, true, why);
		if (failed)
			uwsgi_log("uwsgi: hook-%s = %s failed: %s\n", moment,
				  action.is_private ? "(private)" : actions->v[i], why);
	}
	return failed;
}
