/* server.h - the start of the server, in order. */
#ifndef KERNEL_SERVER_H
#define KERNEL_SERVER_H

/* What main does.  Returns the exit status. */
int server_main(int argc, char **argv, char **envp);

#endif
