/* slow_sync.c - for LD_PRELOAD: a disk on which each sync takes SYNC_US microseconds more, and which takes several
 * syncs at once. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int slowly(const char *name, int fd)
{
	int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	int result = sync(fd);
	usleep((useconds_t)atoi(getenv("SYNC_US")));
	return result;
}

int fsync(int fd)
{
	return slowly("fsync", fd);
}

int fdatasync(int fd)
{
	return slowly("fdatasync", fd);
}
