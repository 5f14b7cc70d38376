/* spooler_api.c - what programs may call: spool, and questions about spoolers and tasks. */
#include "spooler.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "spool_dir.h"
#include "spool_job.h"

int spooler_api_spool(struct uwsgi_call *c)
{
	const struct uwsgi_value *maps[2];
	size_t count = 0;
	const struct uwsgi_value *dict = uwsgi_arg(c, 0), *keywords = uwsgi_arg(c, 2);
	if (uwsgi_arg_given(c, 0) && uwsgi_value_type(dict) != UWSGI_T_MAP)
		return uwsgi_fail(c, UWSGI_EVALUE, "The argument of spooler callable must be a dictionary");
	if (uwsgi_arg_given(c, 0))
		maps[count++] = dict;
	if (uwsgi_value_len(keywords))
		maps[count++] = keywords;
	if (!count)
		return uwsgi_fail(c, UWSGI_EVALUE, "The argument of spooler callable must be a dictionary");
	return spooler_enqueue(c, maps, count);
}

/* ---- the spoolers ---- */

int spooler_api_spoolers(struct uwsgi_call *c)
{
	const struct spooler_options *o = spooler_options();
	struct uwsgi_value *list = uwsgi_ret_list(c);
	for (size_t i = 0; i < o->count; i++) {
		const struct spooler *spooler = &o->list[i];
		for (int process = 0; process < (spooler->external ? 1 : spooler->processes); process++)
			uwsgi_add_bytes(list, NULL, spooler->path, strlen(spooler->path));
	}
	return 0;
}

int spooler_api_i_am_the_spooler(struct uwsgi_call *c)
{
	if (!strcmp(uwsgi_my_kind(), "spooler"))
		uwsgi_ret_bool(c, true);
	return 0;
}

static int pid_of(int number)
{
	struct uwsgi_proc_info info;
	return uwsgi_proc_get("spooler", number, &info, sizeof info) == 0 ? info.pid : 0;
}

int spooler_api_pid(struct uwsgi_call *c)
{
	const struct spooler_options *o = spooler_options();
	uwsgi_ret_int(c, o->count && o->list[0].processes ? pid_of(1) : 0);
	return 0;
}

int spooler_api_pids(struct uwsgi_call *c)
{
	const struct spooler_options *o = spooler_options();
	struct uwsgi_value *list = uwsgi_ret_list(c);
	int number = 0;
	for (size_t i = 0; i < o->count; i++) {
		if (!o->list[i].processes)
			uwsgi_add_int(list, NULL, 0);
		for (int k = 0; k < o->list[i].processes; k++)
			uwsgi_add_int(list, NULL, pid_of(++number));
	}
	return 0;
}

int spooler_api_set_frequency(struct uwsgi_call *c)
{
	int64_t seconds = uwsgi_arg_int(c, 0);
	if (seconds > INT_MAX || seconds < INT_MIN)
		return uwsgi_fail(c, UWSGI_EVALUE, "set_spooler_frequency(): %lld is too large", (long long)seconds);
	atomic_store(spooler_options()->frequency_set, (int)seconds);
	uwsgi_ret_bool(c, true);
	return 0;
}

/* ---- the tasks ---- */

struct jobs {
	struct uwsgi_value *list;
	const char *dir;
};

static void add_job(const char *path, void *data)
{
	struct jobs *jobs = data;
	char full[PATH_MAX];
	int n = snprintf(full, sizeof full, "%s/%s", jobs->dir, path);
	if ((size_t)n < sizeof full)
		uwsgi_add_bytes(jobs->list, NULL, full, (size_t)n);
}

int spooler_api_jobs(struct uwsgi_call *c)
{
	const struct spooler_options *o = spooler_options();
	struct jobs jobs = { uwsgi_ret_list(c), NULL };
	const struct spool_scan scan = { add_job, NULL, &jobs };
	for (size_t i = 0; i < o->count; i++) {
		struct spool_dir dir = { 0 };
		jobs.dir = o->list[i].path;
		if (spool_dir_open(&dir, jobs.dir))
			continue;
		(void)spool_dir_scan(&dir, &scan);
		spool_dir_close(&dir);
	}
	return 0;
}

/* A task that nobody works on, or the one this process does. */
int spooler_api_get_task(struct uwsgi_call *c)
{
	struct uwsgi_str given = uwsgi_arg_str(c, 0);
	const char *in_hand = spooler_task_in_hand();
	struct spool_job job = { .fd = -1, .path = given.p };
	bool mine = in_hand && !strcmp(spool_base(in_hand), spool_base(given.p));
	if (spool_job_read(&job, !mine, SIZE_MAX) == 0) {
		struct uwsgi_value *map = uwsgi_ret_map(c);
		if (!map || spooler_describe(&job, given.p, map, true)) {
			spool_job_destroy(&job);
			return uwsgi_fail(c, UWSGI_ERUNTIME, "spooler_get_task(): memory is out");
		}
	}
	spool_job_destroy(&job);
	return 0;
}
