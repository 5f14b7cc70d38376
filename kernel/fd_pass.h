/* fd_pass.h - passing a descriptor to another process, with a number as a note.  Nothing here waits. */
#ifndef KERNEL_FD_PASS_H
#define KERNEL_FD_PASS_H

/* Send `fd` through the socket `to`, and close it.  0, or a negative errno and it is still open; -EAGAIN: there is no
 * room for it now. */
int fd_pass_send(int to, int fd, int note);
/* Receive one: a close-on-exec descriptor, or a negative errno.  -EAGAIN: there is none; -EMFILE: there was one, and
 * this process had no room for it: it is lost. */
int fd_pass_receive(int from, int *note_r);

#endif
