/* once.h - options that are obeyed once, at the start: a reload finds the process set up already. */
#ifndef KERNEL_ONCE_H
#define KERNEL_ONCE_H

struct handover;

/* Keep what they say for the next image.  0 or -ENOMEM.  [main] */
int once_keep(struct handover *h);
/* Tell the log of those that say something else than at the start.  [main], of an image that took over */
void once_check(struct handover *h);

#endif
