/* proc_policy.c - restart now, later, or not at all.
 *
 * A process that lived is replaced at once.  One that dies young again and again is replaced after a growing pause, so
 * that a crash loop costs no CPU while the others serve.  An application that cannot be loaded ends a server that never
 * served; one that did serve keeps what it has. */
#include "proc_policy.h"

#include <signal.h>
#include <sys/wait.h>

static uint64_t backoff_ms(unsigned crashes, uint64_t max_ms)
{
	uint64_t delay = POLICY_BACKOFF_MS;
	while (crashes-- > 1 && delay < max_ms)
		delay *= 2;
	return delay < max_ms ? delay : max_ms;
}

struct proc_decision proc_policy_on_exit(const struct proc_exit *ended)
{
	if (!ended->wanted)
		return (struct proc_decision){ .verdict = PROC_STAY_DOWN };
	bool app_failed = WIFEXITED(ended->wstatus) && WEXITSTATUS(ended->wstatus) == EXIT_APP_FAILED;
	if (app_failed && ended->first_of_all)
		return (struct proc_decision){ .verdict = PROC_GIVE_UP };
	bool recycled = WIFEXITED(ended->wstatus) && WEXITSTATUS(ended->wstatus) == EXIT_RECYCLE;
	if (recycled || (ended->was_ready && ended->age_ms >= POLICY_YOUNG_MS))
		return (struct proc_decision){ .verdict = PROC_RESTART_NOW };
	/* one crash is an accident: the replacement comes at once */
	unsigned crashes = ended->crashes + 1;
	if ((ended->first_of_all && crashes >= POLICY_FIRST_CRASHES) || (ended->budget && crashes >= ended->budget))
		return (struct proc_decision){ .verdict = PROC_GIVE_UP, .crashes = crashes };
	if (crashes == 1)
		return (struct proc_decision){ .verdict = PROC_RESTART_NOW, .crashes = crashes };
	/* nothing kills itself so: whoever did it may have been done with it */
	bool killed = WIFSIGNALED(ended->wstatus) && WTERMSIG(ended->wstatus) == SIGKILL;
	uint64_t max_ms = killed ? POLICY_KILLED_MAX_MS : POLICY_BACKOFF_MAX_MS;
	return (struct proc_decision){ PROC_RESTART_LATER, backoff_ms(crashes - 1, max_ms), crashes };
}
