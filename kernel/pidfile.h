/* pidfile.h - the files that tell the world our process number. */
#ifndef KERNEL_PIDFILE_H
#define KERNEL_PIDFILE_H

#include <sys/types.h>

struct settings;

/* The number to write, where it is not the one this process knows itself by: it has a guard (jail.h). */
void pidfile_speak_for(pid_t pid);
/* 0, or -errno after uwsgi_cause. */
int pidfile_write(const char *path);
/* All that are configured, anew. */
void pidfile_write_all(const struct settings *s);
/* Those written once the server answers: safe-pidfile and safe-pidfile2. */
void pidfile_write_safe(const struct settings *s);
/* Remove them all, unless another server's number is in them by now. */
void pidfile_vacuum(const struct settings *s);

#endif
