/* spool_hash.h - a number of a path (FNV-1a), for tables and for names that must not have its length. */
#ifndef SPOOL_HASH_H
#define SPOOL_HASH_H

#include <stdint.h>

static inline uint64_t spool_hash(const char *path)
{
	uint64_t h = 14695981039346656037ULL;
	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 1099511628211ULL;
	return h;
}

#endif
