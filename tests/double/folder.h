/* folder.h - a folder of a test's own, removed after it with all that is in it. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

/* `path` ends in XXXXXX, which become its name. */
static inline void folder_make(char *path)
{
	cr_assert_not_null(mkdtemp(path));
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void folder_remove(const char *path)
{
	nftw(path, folder_remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

#endif
