/* shm.c - zeroed memory that every process forked later shares. */
#include <uwsgi/shm.h>

#include <sys/mman.h>

void *uwsgi_shm_alloc(size_t size)
{
	void *p = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}
