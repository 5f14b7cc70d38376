/* rehearsal.c - see rehearsal.h. */
#include "rehearsal.h"

#include "cause.h"
#include "handover.h"
#include "image.h"
#include "privs.h"
#include "trap.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define DEADLINE_MS 30000
#define EXIT_CANNOT_EXEC 127
#define OUTPUT_MAX 16384

static void on_deadline(struct uwsgi_timer *timer)
{
	const struct rehearsal *r = timer->data;
	uwsgi_cause("the configuration was not read within %d seconds", DEADLINE_MS / 1000);
	kill(r->pid, SIGKILL);
}

static _Noreturn void rehearse(const struct kernel *k, int output_fd)
{
	pid_t master = atomic_load(&k->shared->master_pid);
	sigset_t none;
	/* it holds open what tells the others that the master is gone */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != master)
		_exit(EXIT_CANNOT_EXEC);
	sigemptyset(&none);
	dup2(output_fd, STDOUT_FILENO);
	dup2(output_fd, STDERR_FILENO);
	sigprocmask(SIG_SETMASK, &none, NULL);
	privs_lend(k->privs, k->handover);
	int failed = image_exec(k->image, k->handover, HANDOVER_TRIAL "=1");
	uwsgi_cause("%s cannot be started again: %s", k->image->path,
		    k->image->jailed ? "it is outside of the root directory" : strerror(-failed));
	_exit(EXIT_CANNOT_EXEC);
}

int rehearsal_begin(struct rehearsal *r, struct kernel *k)
{
	cause_clear();
	r->output_fd = memfd_create("uwsgi-rehearsal", MFD_CLOEXEC);
	if (r->output_fd == -1)
		return -errno;
	trap_hold();
	pid_t pid = fork();
	if (pid == 0)
		rehearse(k, r->output_fd);
	int error = errno;
	trap_release();
	if (pid == -1) {
		close(r->output_fd);
		return -error;
	}
	r->pid = pid;
	r->deadline.fn = on_deadline;
	r->deadline.data = r;
	uwsgi_loop_timer(k->loop, &r->deadline, DEADLINE_MS);
	return 0;
}

static void log_output(int fd)
{
	char text[OUTPUT_MAX];
	ssize_t n = pread(fd, text, sizeof text, 0);
	if (n > 0)
		uwsgi_log_raw(text, (size_t)n);
}

static void forget(struct rehearsal *r, struct kernel *k)
{
	uwsgi_loop_timer_stop(k->loop, &r->deadline);
	close(r->output_fd);
	r->pid = 0;
}

enum rehearsed rehearsal_end(struct rehearsal *r, struct kernel *k, int wstatus)
{
	enum rehearsed result = REHEARSED_GOOD;
	if (WIFSIGNALED(wstatus)) {
		result = REHEARSED_BAD;
		if (!cause_get())
			uwsgi_cause("it was killed by signal %d (%s)", WTERMSIG(wstatus), strsignal(WTERMSIG(wstatus)));
	} else if (WEXITSTATUS(wstatus)) {
		result = WEXITSTATUS(wstatus) == EXIT_CANNOT_EXEC ? REHEARSED_UNKNOWN : REHEARSED_BAD;
		if (!cause_get())
			uwsgi_cause("it ended with status %d", WEXITSTATUS(wstatus));
	}
	if (result == REHEARSED_BAD)
		log_output(r->output_fd);
	forget(r, k);
	return result;
}

void rehearsal_cancel(struct rehearsal *r, struct kernel *k)
{
	if (!r->pid)
		return;
	kill(r->pid, SIGKILL);
	forget(r, k);
}
