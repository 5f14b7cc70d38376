/* log_pipe.h - the way of all lines to the one process that writes them, when a plugin asks for it.
 *
 * Standard output and error of every process become a pipe, the request lines get a second one.  Both are in packet
 * mode: what was one write is read as one piece, and unlike a socket, /dev/stderr can still be opened.  The master holds
 * both ends of both, so that a reader that dies loses no line and kills no writer: its successor goes on reading.  What
 * a reader holds lies in shared memory until it is done with it, for the same reason.
 *
 * All that is open lies in one array of named descriptors, which can be handed to a program that replaces this one. */
#ifndef KERNEL_LOG_PIPE_H
#define KERNEL_LOG_PIPE_H

#include <stdbool.h>
#include <sys/types.h>
#include <uwsgi/log.h>

enum log_pipe_fd {
	LOG_PIPE_READ,
	LOG_PIPE_WRITE,
	LOG_PIPE_REQUESTS_READ,
	LOG_PIPE_REQUESTS_WRITE,
	LOG_PIPE_WAKE,	/* an eventfd: what the reader is told */
	LOG_PIPE_STDOUT, /* as they were before */
	LOG_PIPE_STDERR,
	LOG_PIPE_FDS,
};

/* [main] Was it asked for?  Then make it, and let descriptors 1 and 2 be its ends; `adopted`: those of the program this
 * one replaces, NULL: new ones.  Lines of the caller never wait for the reader.  0 or a negative errno. */
int log_pipe_begin(const int adopted[LOG_PIPE_FDS]);
/* The descriptors, to hand them on; NULL when there is no pipe. */
const int *log_pipe_fds(void);

/* Do lines of requests go through it?  Each begins with the request's id and a tab then. */
bool log_pipe_takes_requests(void);
/* Whole lines, at most PIPE_BUF bytes. */
void log_pipe_put_requests(const char *text, size_t len);

/* [master] The last words of the server: the descriptors are what they were, `reader` (0: there is none) writes what
 * there is and ends; what it leaves is written here. */
void log_pipe_end(pid_t reader);

#endif
