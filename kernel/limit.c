/* limit.c - see limit.h. */
#include "limit.h"

#include "option.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <uwsgi/log.h>

#define UMASK_DEFAULT 027

/* ---- decisions ---- */

void limit_cpus(const cpu_set_t *allowed, int number, int width, cpu_set_t *cpus_r)
{
	int all[CPU_SETSIZE], count = 0;
	CPU_ZERO(cpus_r);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, allowed))
			all[count++] = cpu;
	for (int i = 0; i < width && i < count; i++)
		CPU_SET(all[((number - 1) % count * width + i) % count], cpus_r);
}

int limit_mask(const char *text, int *mask_r)
{
	char *end;
	unsigned long mask = strtoul(text, &end, 8);
	if (strspn(text, "01234567") != strlen(text) || strlen(text) < 3 || mask > 0777)
		return -EINVAL;
	*mask_r = (int)mask;
	return 0;
}

/* ---- what is done ---- */

void limit_set_umask(const struct limits *l, bool compat)
{
	if (l->umask != -1)
		umask((mode_t)l->umask);
	else if (!compat)
		umask(UMASK_DEFAULT);
}

static int fail(const char *option, long long value)
{
	int error = errno;
	uwsgi_cause("cannot set %s = %lld: %s", option, value, strerror(error));
	return -error;
}

/* The hard limit follows only where it is in the way: to raise it takes a privilege. */
static int set(const char *option, int resource, rlim_t value)
{
	struct rlimit limit;
	if (getrlimit(resource, &limit) == -1)
		return fail(option, (long long)value);
	limit.rlim_cur = value;
	if (limit.rlim_max < value)
		limit.rlim_max = value;
	return setrlimit(resource, &limit) == -1 ? fail(option, (long long)value) : 0;
}

int limit_set(const struct limits *l)
{
	int failed = 0;
	if (l->as)
		failed = set("limit-as", RLIMIT_AS, (rlim_t)l->as);
	if (!failed && l->nproc)
		failed = set("limit-nproc", RLIMIT_NPROC, (rlim_t)l->nproc);
	if (!failed && l->max_fd)
		failed = set("max-fd", RLIMIT_NOFILE, (rlim_t)l->max_fd);
	if (!failed && l->prio && setpriority(PRIO_PROCESS, 0, l->prio) == -1)
		failed = fail("prio", l->prio);
	/* for the time after root was given up; who may not allow it may have no need to, and the lock itself tells */
	if (l->never_swap)
		setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	return failed ? failed : limit_lock_memory(l);
}

int limit_lock_memory(const struct limits *l)
{
	return l->never_swap && mlockall(MCL_CURRENT | MCL_FUTURE) == -1 ? fail("never-swap", 1) : 0;
}

void limit_pin(const struct limits *l, int number)
{
	cpu_set_t allowed, cpus;
	if (!l->cpu_affinity)
		return;
	bool known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
	if (known)
		limit_cpus(&allowed, number, l->cpu_affinity, &cpus);
	if (!known || sched_setaffinity(0, sizeof cpus, &cpus) == -1)
		uwsgi_log("uwsgi: cpu-affinity: worker %d cannot be kept on its processors: %s; it runs on any\n",
			  number, strerror(errno));
}

/* ---- options ---- */

static int apply_umask(const char *key, const char *value, void *data)
{
	if (limit_mask(value, &((struct limits *)data)->umask) == 0)
		return 0;
	uwsgi_log("%s = %s: give three octal digits such as 027\n", key, value);
	return -EINVAL;
}

#define FIELD(NAME) ((void *)offsetof(struct limits, NAME))
/* clang-format off */
static const struct uwsgi_option rows[] = {
	{ "umask", .type = UWSGI_OPT_CALL, .apply = apply_umask, .group = "privileges", .help = "what the modes of new files lack, in octal digits (default 027)" },
	{ "limit-as", .type = UWSGI_OPT_MB, .value = FIELD(as), .group = "privileges", .help = "MiB of address space of each process" },
	{ "limit-nproc", .type = UWSGI_OPT_INT, .value = FIELD(nproc), .group = "privileges", .help = "processes and threads of the user" },
	{ "max-fd", .type = UWSGI_OPT_INT, .value = FIELD(max_fd), .group = "privileges", .help = "open descriptors of each process" },
	{ "prio", .type = UWSGI_OPT_SINT, .value = FIELD(prio), .group = "privileges", .help = "nice value of all processes, -20 (first) to 19 (last)" },
	{ "never-swap", .type = UWSGI_OPT_BOOL, .value = FIELD(never_swap), .group = "privileges", .help = "keep all memory of all processes in RAM; what they would share, each has for itself" },
	{ "cpu-affinity", .type = UWSGI_OPT_INT, .value = FIELD(cpu_affinity), .group = "privileges", .help = "processors of each worker, the next worker gets the next ones" },
	{ 0 },
};
/* clang-format on */

struct limits *limit_register(struct option_registry *options)
{
	struct limits *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->umask = -1;
	return option_register(options, "the kernel", rows, sizeof *rows, l) == 0 ? l : NULL;
}
