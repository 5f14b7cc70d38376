/* log.h - where the server's lines go. */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <uwsgi/log.h>

#define LOG_LINE_MAX 32768

/* Send everything (stdout too) to a file from now on.  0 or -errno. */
int log_to_file(const char *path);

/* Write all of text to fd, across short writes and interruptions.  0 or -errno. */
int log_write_all(int fd, const char *text, size_t len);

#endif
