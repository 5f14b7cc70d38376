/* image.c - see image.h. */
#include "image.h"

#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RELOADS "UWSGI_RELOADS"
#define OWN_VARIABLES 3 /* of ours in the environment of the next image */

/* Of systemd's socket activation: told once, to the first image; what it takes of it is handed over by itself. */
static const char *const told_once[] = { "LISTEN_FDS=",	   "LISTEN_PID=",      "LISTEN_FDNAMES=",
					 HANDOVER_ENV "=", HANDOVER_TRIAL "=", RELOADS "=" };

static bool is_told_once(const char *variable)
{
	for (size_t i = 0; i < sizeof told_once / sizeof *told_once; i++)
		if (!strncmp(variable, told_once[i], strlen(told_once[i])))
			return true;
	return false;
}

/* With room for our own. */
static char **copy(char **texts, bool environment)
{
	size_t n = 0, kept = 0;
	while (texts[n])
		n++;
	char **all = calloc(n + OWN_VARIABLES + 1, sizeof *all);
	for (size_t i = 0; all && i < n; i++) {
		if (environment && is_told_once(texts[i]))
			continue;
		all[kept] = strdup(texts[i]);
		if (!all[kept++])
			return NULL;
	}
	return all;
}

static char *find_program(const char *name)
{
	char path[PATH_MAX];
	if (strchr(name, '/'))
		return strdup(name);
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	path[n > 0 ? n : 0] = 0;
	return strdup(path);
}

struct image *image_remember(int argc, char **argv, char **envp)
{
	struct image *image = calloc(1, sizeof *image);
	if (!image || !argc)
		return NULL;
	const char *reloads =
		getenv(HANDOVER_ENV) ? getenv(RELOADS) : NULL; /* or they are of the server that started it */
	image->reloads = reloads ? atoi(reloads) : 0;
	if (!reloads)
		setenv(RELOADS, "0", 1);
	image->argv = copy(argv, false);
	image->envp = copy(envp, true);
	image->path = find_program(argv[0]);
	image->cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return image->argv && image->envp && image->path ? image : NULL;
}

void image_jail(struct image *image)
{
	if (image->cwd_fd != -1)
		close(image->cwd_fd);
	image->cwd_fd = -1;
	image->jailed = true;
}

int image_exec(const struct image *image, struct handover *handover, const char *extra)
{
	char number[64], reloads[32];
	char **envp = image->envp;
	size_t n = 0;
	if (image->jailed)
		return -ENOENT;
	int fd = handover_seal(handover);
	if (fd < 0)
		return fd;
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(number, sizeof number, HANDOVER_ENV "=%d", fd);
	while (envp[n])
		n++;
	snprintf(reloads, sizeof reloads, RELOADS "=%d", image->reloads + 1);
	envp[n] = number;
	envp[n + 1] = reloads;
	envp[n + 2] = (char *)extra;
	if (image->cwd_fd == -1 || fchdir(image->cwd_fd) == 0)
		execve(image->path, image->argv, envp);
	int error = errno;
	envp[n] = NULL;
	if (here != -1) {
		(void)!fchdir(here);
		close(here);
	}
	handover_unseal(handover, fd);
	return -error;
}
