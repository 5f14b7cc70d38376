/* image.h - how this program was started, so that it can be started again. */
#ifndef KERNEL_IMAGE_H
#define KERNEL_IMAGE_H

#include <stdbool.h>

struct image {
	char **argv, **envp; /* copies: the title of the process is written over the originals */
	char *path;	     /* of the program: as it was named with a slash, else where it was found */
	int cwd_fd;	     /* the directory it was started in */
	int reloads;	     /* images before this one; UWSGI_RELOADS tells the configuration and the application */
	bool jailed;
};

/* Remember it, before anything is changed.  NULL: out of memory. */
struct image *image_remember(int argc, char **argv, char **envp);

/* This process has another root directory now.  The one it was started in would be a way out, and what is there under
 * the name of the program is another one: it cannot be started again. */
void image_jail(struct image *image);

struct handover;
/* Become the next image in this process, with what `handover` keeps and `extra` ("NAME=value", may be NULL) in its
 * environment.  Returns only when that fails: -errno. */
int image_exec(const struct image *image, struct handover *handover, const char *extra);

#endif
