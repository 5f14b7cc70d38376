/* proc_title.h - the name of this process in ps. */
#ifndef KERNEL_PROC_TITLE_H
#define KERNEL_PROC_TITLE_H

/* Remember where the arguments are; moves the environment away, so that a title has their room too.  Once, first. */
void proc_title_init(int argc, char **argv, char **envp);
void proc_title_set(const char *title);

#endif
