/* clock.c - the two clocks: monotonic milliseconds for waiting, microseconds of the epoch for people. */
#include <uwsgi/loop.h>

#include <time.h>

uint64_t uwsgi_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t uwsgi_micros(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
