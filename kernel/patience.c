/* patience.c - how long a client is waited for: what socket-timeout, which begins anew with each byte, leaves open.
 *
 * A head has to be there in a fixed time.  A body may be as long as it likes, so its client has to keep a rate, on the
 * average and after a first grace. */
#include "patience.h"

#include <stddef.h>
#include <uwsgi/option.h>
#include <uwsgi/shm.h>

#include "option.h"

#define GRACE_MS 10000

#define FIELD(NAME) ((void *)offsetof(struct patience_settings, NAME))
/* clang-format off */
static const struct uwsgi_option rows[] = {
	{ "head-timeout", .type = UWSGI_OPT_INT, .value = FIELD(head_timeout), .group = "sockets", .help = "seconds a client has for the head of a request, from its first byte; then 408 (default 10)" },
	{ "min-body-rate", .type = UWSGI_OPT_INT, .value = FIELD(min_body_rate), .group = "sockets", .help = "bytes a second a client must send of a body on the average, after 10 s; else 408; 0: any (default 240)" },
	{ 0 },
};
/* clang-format on */

struct patience_settings *patience_register(struct option_registry *options)
{
	struct patience_settings *settings = uwsgi_shm_alloc(sizeof *settings);
	if (!settings)
		return NULL;
	*settings = (struct patience_settings){ .head_timeout = 10, .min_body_rate = 240 };
	return option_register(options, "the kernel", rows, sizeof *rows, settings) ? NULL : settings;
}

uint64_t patience_body_ms(const struct patience_settings *settings, uint64_t bytes)
{
	if (!settings->min_body_rate)
		return UINT64_MAX;
	return GRACE_MS + bytes * 1000 / (uint64_t)settings->min_body_rate;
}
