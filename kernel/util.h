/* util.h - the three macros everybody wants. */
#ifndef KERNEL_UTIL_H
#define KERNEL_UTIL_H

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#endif
