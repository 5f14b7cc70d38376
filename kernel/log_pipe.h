/* log_pipe.h - the way of all lines to the one process that writes them, when a plugin asks for it.
 *
 * Standard output and error of every process become a pipe, the request lines get a second one.  Both are in packet
 * mode: what was one write is read as one piece, and unlike a socket, /dev/stderr can still be opened.  The master
 * holds both ends of both, so that a reader that dies loses no line and kills no writer: its successor goes on reading.
 * What a reader holds lies in shared memory until it is done with it, for the same reason.
 *
 * All that is open, and what the reader holds, goes to the next image under names of its own (handover.h). */
#ifndef KERNEL_LOG_PIPE_H
#define KERNEL_LOG_PIPE_H

#include <stdbool.h>
#include <uwsgi/log.h>

struct handover;

/* [main] Was it asked for?  Then make it, or take over that of the image before, and let descriptors 1 and 2 be its
 * ends.  Lines of the caller never wait for the reader.  0 or a negative errno. */
int log_pipe_begin(struct handover *handover);

/* Do lines of requests go through it?  Each begins with the request's id and a tab then. */
bool log_pipe_takes_requests(void);
/* Whole lines, at most PIPE_BUF bytes. */
void log_pipe_put_requests(const char *text, size_t len);

/* [master] The last words of the server, when no other process is left: one more reader writes what there is, in its
 * time; what it leaves is written here, to the descriptors the server was started with. */
void log_pipe_end(void);

#endif
