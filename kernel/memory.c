/* memory.c - the memory of this process, as Linux counts it in /proc/self/statm. */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int memory_read(uint64_t *vsz_r, uint64_t *rss_r)
{
	char text[128];
	unsigned long long pages, resident;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -errno;
	ssize_t n = read(fd, text, sizeof text - 1);
	int failed = n == -1 ? -errno : 0;
	close(fd);
	if (failed)
		return failed;
	text[n] = 0;
	if (sscanf(text, "%llu %llu", &pages, &resident) != 2)
		return -EPROTO;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	*vsz_r = pages * page;
	*rss_r = resident * page;
	return 0;
}
