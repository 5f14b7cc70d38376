/* handover.h - what the master's next image takes over: descriptors and texts, each under a name.
 *
 * A reload replaces the program in the master's process (execve), so that an edited configuration and a new binary take
 * effect while its children, sockets and shared memory live on.  Descriptors keep their numbers over an execve; what is
 * lost is the knowledge which is which.  That is written into a memory file whose number the next image finds in its
 * environment.
 *
 *   keep    this image has it, and the next one is to get it
 *   claim   this image takes what the one before kept: it stays kept for the one after
 *
 * What nobody claims is closed by handover_finish: a socket, say, that the new configuration has no more. */
#ifndef KERNEL_HANDOVER_H
#define KERNEL_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

#define HANDOVER_ENV "UWSGI_HANDOVER"	 /* number of the memory file */
#define HANDOVER_TRIAL "UWSGI_REHEARSAL" /* set: only try whether a start would succeed */

struct handover;

/* Empty, or with what the image before kept; takes the variables above out of the environment.  NULL: out of memory. */
struct handover *handover_create(void);
/* Did an image before this one hand over? */
bool handover_taken(const struct handover *h);
/* Is this a rehearsal: everything up to the sockets, and then nothing? */
bool handover_is_trial(const struct handover *h);

/* Keep `fd` (-1: only the text) under `name`, in place of what had that name.  The descriptor stays the caller's; both
 * texts are copied.  0 or -ENOMEM. */
int handover_keep(struct handover *h, const char *name, int fd, const char *text);
/* The next image does not get it. */
void handover_drop(struct handover *h, const char *name);
/* Take over what is kept under `name`: its descriptor (close-on-exec), its text valid until it is kept anew.  False
 * when there is none, or it was claimed before. */
bool handover_claim(struct handover *h, const char *name, int *fd_r, const char **text_r);
/* The name behind `prefix` of the first that nobody has claimed yet; NULL: none. */
const char *handover_unclaimed(const struct handover *h, const char *prefix);
/* Close and forget what the image before kept and this one did not claim. */
void handover_finish(struct handover *h);

/* Memory of that name which all processes forked later share, and the next image too: zeroed, or as the image before
 * left it when it has the same size.  NULL when there is none.  `h` may be NULL: memory of this image alone. */
void *handover_memory(struct handover *h, const char *name, size_t size);
/* Nobody will ask for it again; what is mapped stays. */
void handover_forget_memory(struct handover *h, const char *name);

/* For execve: descriptors kept are open in the next image, and this is the number of the memory file that lists them,
 * or -errno.  [master, or a child of it that will exec] */
int handover_seal(struct handover *h);
/* There was no execve after all. */
void handover_unseal(struct handover *h, int fd);

#endif
