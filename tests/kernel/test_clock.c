/* The clocks: one never goes back, the other is the time of day. */
#include <criterion/criterion.h>
#include <time.h>
#include <uwsgi/loop.h>

Test(clock, never_goes_back)
{
	uint64_t last = uwsgi_now_ms();
	for (int i = 0; i < 10000; i++) {
		uint64_t now = uwsgi_now_ms();
		cr_assert_geq(now, last);
		last = now;
	}
}

Test(clock, tells_the_time_of_day_in_microseconds)
{
	uint64_t before = (uint64_t)time(NULL), now = uwsgi_micros() / 1000000, after = (uint64_t)time(NULL);
	/* time() may lag behind by a tick */
	cr_assert(now + 1 >= before && now <= after + 1);
}
