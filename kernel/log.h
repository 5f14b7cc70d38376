/* log.h - where the server's lines go. */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdbool.h>
#include <uwsgi/log.h>

#define LOG_LINE_MAX 32768

/* Send everything (stdout too) to a file, or to a connected socket (its own from now on), a datagram a message.
 * 0 or -errno. */
int log_to_file(const char *path, bool truncate);
int log_to_socket(int fd);
/* Is it host:port rather than a path? */
bool log_is_udp(const char *target);

/* Descriptors 1 and 2 are this file already.  Kept, not copied. */
void log_set_file(const char *path);

/* Begin each message with the date in this format of strftime, and a text; NULL: without.  Kept, not copied. */
void log_stamp(const char *date, const char *prefix);

/* This process must never wait for its log: it writes to `fd`, which does not block, and what does not fit it to
 * `spare`. */
void log_guard(int fd, int spare);

/* Write all of text to fd, across short writes and interruptions.  0 or -errno. */
int log_write_all(int fd, const char *text, size_t len);

#endif
