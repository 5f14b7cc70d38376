/* emperor_list.c - all vassals: what a look at the files means for each, and the end of all. */
#include "emperor_vassal.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

static bool same_mark(const struct file_mark *a, const struct file_mark *b)
{
	return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec && a->inode == b->inode &&
	       a->uid == b->uid && a->gid == b->gid;
}

void vassals_found(struct vassals *all, const struct found *found, int source)
{
	struct vassal *v = all->first;
	while (v && strcmp(v->path, found->path))
		v = v->next;
	if (!v) {
		v = vassal_create(all, found, source);
		if (!v) {
			uwsgi_log("[emperor] no memory for vassal %s; the next scan tries again\n", found->name);
			return;
		}
		vassal_arm(v);
	} else if (!same_mark(&v->mark, &found->mark)) {
		vassal_change(v, &found->mark);
	}
	v->seen = true;
	v->gone = false;
}

void vassals_scanned(struct vassals *all, int source)
{
	for (struct vassal *v = all->first, *next; v; v = next) {
		next = v->next;
		if (v->source != source)
			continue;
		bool lost = !v->seen && !v->gone;
		v->seen = false;
		if (lost)
			vassal_lose_file(v);
	}
}

void vassals_check(struct vassals *all)
{
	for (struct vassal *v = all->first, *next; v; v = next) {
		next = v->next;
		vassal_check(v);
	}
}

static struct vassal *find_by_pid(const struct vassals *all, pid_t pid)
{
	struct vassal *v = all->first;
	while (v && v->pid != pid)
		v = v->next;
	return v;
}

void vassals_end(struct vassals *all)
{
	int status;
	for (struct vassal *v = all->first; v; v = v->next)
		vassal_say_stop(v);
	/* the master of this server knows how long that may take */
	for (pid_t pid; (pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR;) {
		struct vassal *v = pid > 0 ? find_by_pid(all, pid) : NULL;
		if (v)
			vassal_bury(v, status);
	}
	while (all->first)
		vassal_forget(all->first);
}
