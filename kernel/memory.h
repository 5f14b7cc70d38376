/* memory.h - how much memory this process has. */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <stdint.h>

/* Bytes of address space, and of it in RAM.  0 or -errno. */
int memory_read(uint64_t *vsz_r, uint64_t *rss_r);

#endif
